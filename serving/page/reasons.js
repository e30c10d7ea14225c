// The reasons of refusals, and their dead letters, a page at a time.

import { breakable, h } from "./dom.js";
import { counted, grouped, percent, time } from "./format.js";
import { figuresTable, note, ranked } from "./tables.js";

const MAX_SHOWN = 10;

/** The most frequent reasons; each is a button that shows the rows. */
export function reasons(items) {
  if (!items.length) return [note("No row was refused in the 24 hours up to the newest batch.")];
  const figures = (one) => [grouped(one.rows), percent(one.share, 2)];
  const rows = items.slice(0, MAX_SHOWN).map((one) => ({ key: nameOf(one), name: choice(one), size: one.rows, numbers: figures(one) }));
  return [
    h("p", { class: "note" }, "In the 24 hours up to the newest batch. A row may have several; choose one to see its rows."),
    ranked(["reason", "rows", "of all read"], rows),
    items.length > MAX_SHOWN &&
      figuresTable(`All ${counted(items.length, "reason")} in numbers`, ["reason", "#rows", "#of all read"], items.map((one) => [
        choice(one), ...figures(one),
      ])),
  ];
}

/** The code, and the field or the rule that it is about. */
function nameOf({ code, field }) {
  return field ? `${code} ${field}` : code;
}

function choice({ code, field }) {
  const about = field && [" ", h("span", { class: "about" }, breakable(field))];
  return h("button", { class: "link", type: "button", "data-code": code, "data-field": field ?? "" }, breakable(code), about);
}

/** A page of dead letters. `page`: the API's answer; `number`: of the page, from 1; `whole`: those that were opened, by row_id. */
export function deadLetters(page, reason, number, whole) {
  const name = nameOf(reason);
  if (!page.items.length) return [note(`No dead letter has the reason ${name} any more.`), h("p", { class: "pager" }, close())];
  return [
    h("p", { class: "note" }, `Refused for ${name}, newest first; page ${grouped(number)}.`),
    h("ol", { class: "dead-letters" }, page.items.map((one) => deadLetter(one, whole.get(one.row_id)))),
    h("p", { class: "pager" }, step("previous", "Newer", number > 1), step("next", "Older", page.next !== null), close()),
  ];
}

function close() {
  return step("close", "Close", true);
}

function step(name, label, enabled) {
  return h("button", { type: "button", "data-step": name, disabled: !enabled }, label);
}

function deadLetter(one, whole) {
  const place = h("span", { class: "mono" }, `${one.source ?? "unknown"}:${one.source_position ?? "–"}`);
  const content = whole === undefined ? note("Asking …") : original(whole);
  return h(
    "li",
    { "data-key": one.row_id },
    h("p", {}, place, ` · ${one.subject} · ${one.status} · `, time(one.dead_lettered_at)),
    h("ul", {}, one.reasons.map((each) => h("li", {}, h("b", {}, nameOf(each)), each.detail ? `: ${each.detail}` : ""))),
    h("details", { "data-row": one.row_id }, h("summary", {}, "As it came"), content),
  );
}

/** The row as it was received: its fields, or its text where no fields could be read. */
function original(whole) {
  if (whole === null) return note("It is not there any more.");
  const fields = Object.entries(whole.payload ?? {});
  const field = ([name, text]) => h("div", {}, h("dt", {}, breakable(name)), h("dd", {}, text === "" ? "(empty)" : text ?? "(none)"));
  return [
    fields.length > 0 && h("dl", { class: "original mono" }, fields.map(field)),
    whole.raw && h("pre", { class: "mono" }, whole.raw),
    h("p", { class: "mono" }, `tally why ${whole.row_id}`),
  ];
}
