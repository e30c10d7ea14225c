// Why rows were refused, and the rows themselves, a page at a time.

import { h } from "./dom.js";
import { counted, grouped, percent, time } from "./format.js";
import { bar, nothing } from "./tables.js";

const SHOWN = 8;

/** The most frequent reasons; each is a button that shows the rows. */
export function reasons(items) {
  if (!items.length) return [nothing("No row was refused in the last 24 hours of batches.")];
  const most = items[0].rows;
  const rest = items.length - SHOWN;
  return [
    h("p", { class: "say" }, `In the 24 hours up to the newest batch. A row may have several; choose one to see its rows.`),
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "reason"), h("th", { scope: "col", class: "of wide" }, h("span", { class: "unseen" }, "bar")), h("th", { scope: "col", class: "n" }, "rows"), h("th", { scope: "col", class: "n" }, "of all read"))),
      h("tbody", {}, items.slice(0, SHOWN).map((one) => reason(one, most))),
    ),
    rest > 0 && h("p", { class: "say" }, `and ${counted(rest, "other reason")}.`),
  ];
}

function reason(one, most) {
  const name = [one.code, one.field].filter(Boolean).join(" ");
  const button = h("button", { class: "link", type: "button", "data-code": one.code, "data-field": one.code === "rule" ? one.field : (one.field ?? "") }, name);
  return h("tr", {}, h("th", { scope: "row" }, button), h("td", { class: "bars wide" }, bar(one.rows, most)), h("td", { class: "n" }, grouped(one.rows)), h("td", { class: "n" }, percent(one.share, 2)));
}

/** A page of dead letters. `page`: the API's answer; `place`: which page it is, from 1. */
export function letters(page, asked, place) {
  const name = [asked.code, asked.field].filter(Boolean).join(" ");
  if (!page.items.length) return [h("p", { class: "say" }, `No dead letter has the reason ${name} any more.`), close()];
  return [
    h("p", { class: "say" }, `Refused for ${name}, newest first; page ${place}.`),
    h("ul", { class: "letters" }, page.items.map(letter)),
    h("p", { class: "pager" }, step("before", "Newer", place > 1), step("next", "Older", page.next !== null), close()),
  ];
}

function step(name, label, possible) {
  return h("button", { type: "button", "data-step": name, disabled: !possible }, label);
}

function close() {
  return h("button", { type: "button", "data-step": "close" }, "Close");
}

function letter(one) {
  return h(
    "li",
    {},
    h("p", {}, h("span", { class: "mono" }, `${one.source ?? "unknown"}, row ${grouped(one.source_position)}`), ` · ${one.subject} · ${one.status} · `, time(one.dead_lettered_at)),
    h("ul", {}, one.reasons.map((each) => h("li", {}, h("b", {}, [each.code, each.field].filter(Boolean).join(" ")), each.detail ? `: ${each.detail}` : ""))),
  );
}
