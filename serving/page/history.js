// A product through time (SCD type 2): its price as steps, its versions as a table, and its price at a moment.

import { h, s } from "./dom.js";
import { counted, day, grouped, time } from "./format.js";
import { scaleAround, short } from "./scale.js";
import { note, table } from "./tables.js";

const HEAD = 26;
const INNER = 130;
const FOOT = 26;
/** The width of a label with a price or a date, in percent of the picture. */
const LABEL_WIDTH = 14;

const COLUMNS = ["from", "~until", "#price", "name", "~category", "~brand", "#~version"];

/** The products that a search found; each is a button. */
export function searchResults({ items, next }, query) {
  if (!items.length) return [note(`No product is called like “${query}”.`)];
  return [h("p", { class: "choices" }, items.map(choice)), next && note("There are more: write more of the name.")];
}

function choice({ product_id: id, product_name: name }) {
  return h("button", { type: "button", "data-key": id, "data-product": id }, `${name ?? "product"} (${id})`);
}

/** All versions of a product, oldest first, and its price at a moment. `query`: {moment, price}; moment may be empty, price is null where it was not sold then. */
export function history(versions, until, query) {
  const summary = sentence(versions);
  return [
    h("p", { class: "note" }, summary),
    versions.every((one) => one.price !== null) && steps(versions, until, summary, query.moment),
    priceForm(query),
    table(COLUMNS, versions.map((one, number) => row(one, versions[number - 1])).reverse()),
  ];
}

function sentence(versions) {
  const [first, last] = [versions[0], versions.at(-1)];
  const ended = last.is_current ? "" : `, not sold since ${day(last.valid_to)}`;
  return `${last.product_name ?? "Product"} (${last.product_id}): ${counted(versions.length, "version")} since ${day(first.valid_from)}${ended}.`;
}

/** What a version changed stands out. */
function row(one, before) {
  const cell = (name, text = one[name] ?? "–") => (before && before[name] !== one[name] ? h("b", {}, text) : text);
  const until = one.valid_to ? time(one.valid_to) : "now";
  return [time(one.valid_from), until, cell("price", grouped(one.price)), cell("product_name"), cell("category"), cell("brand"), one.version];
}

function priceForm({ moment, price }) {
  const answer = price ? [h("b", {}, grouped(price.price)), `, version ${price.version}`] : "it was not sold then";
  return h(
    "p",
    { class: "ask" },
    h("label", { for: "moment" }, "Its price at"),
    h("input", { id: "moment", type: "datetime-local" }),
    "UTC ",
    h("output", { id: "price", for: "moment" }, moment && answer),
  );
}

function steps(versions, until, summary, moment) {
  const [first, end] = [Date.parse(versions[0].valid_from), Math.max(until, Date.parse(versions.at(-1).valid_from))];
  const scale = scaleAround(versions.map((one) => Number(one.price)));
  const x = (at) => Number(((100 * (Math.min(Date.parse(at), end) - first)) / Math.max(1, end - first)).toFixed(3));
  const y = (price) => HEAD + INNER * (1 - scale.share(Number(price)));
  const height = HEAD + INNER;
  return s(
    "svg",
    { class: "chart steps", role: "img", height: height + FOOT, "aria-label": `The price through time. ${summary}` },
    scale.ticks.map((tick, number) => [
      s("line", { class: number ? "grid" : "base", x1: 0, x2: "100%", y1: y(tick), y2: y(tick) }),
      s("text", { class: "tick", x: -8, y: y(tick), dy: "0.32em" }, short(tick, scale)),
    ]),
    moment && momentLine(x(`${moment}Z`), height),
    s("svg", { viewBox: `0 0 100 ${height}`, preserveAspectRatio: "none", width: "100%", height }, s("path", { class: "step", d: path(versions, x, y) })),
    versions.map((one) => versionMark(one, x, y)),
    prices(versions, x, y),
    dates(versions, x, height),
  );
}

/** The steps; between a version that ended and a later one that did not follow at once, the product was not sold, and there is no line. */
function path(versions, x, y) {
  return versions
    .map((one, number) => {
      const follows = number > 0 && versions[number - 1].valid_to === one.valid_from;
      return `${follows ? "V" : `M${x(one.valid_from)} `}${y(one.price)}H${one.valid_to ? x(one.valid_to) : 100}`;
    })
    .join("");
}

function versionMark(one, x, y) {
  const title = s("title", {}, `${grouped(one.price)} from ${day(one.valid_from)}`);
  return s("circle", { class: "version", cx: `${x(one.valid_from)}%`, cy: y(one.price), r: 4 }, title);
}

/** The newest price at the right, and of the others those whose step is long enough for it. */
function prices(versions, x, y) {
  const last = versions.at(-1);
  const end = last.valid_to ? x(last.valid_to) : 100;
  const wide = versions.slice(0, -1).filter((one, number) => x(versions[number + 1].valid_from) - x(one.valid_from) >= LABEL_WIDTH);
  return [
    wide.map((one) => s("text", { class: "price", x: `${x(one.valid_from)}%`, y: y(one.price), dx: 8, dy: -8 }, grouped(one.price))),
    s("text", { class: end < LABEL_WIDTH ? "price" : "price last", x: `${end}%`, y: y(last.price), dy: -8 }, grouped(last.price)),
  ];
}

function momentLine(x, height) {
  return x >= 0 && s("line", { class: "target", x1: `${x}%`, x2: `${x}%`, y1: HEAD - 14, y2: height });
}

/** The date of the first version and of those that have room, and now; on a narrow screen only the two ends. */
function dates(versions, x, height) {
  const y = height + 18;
  const inner = spaced(versions, (one) => x(one.valid_from)).filter((one) => Math.abs(x(one.valid_from) - 50) <= 50 - LABEL_WIDTH);
  return [
    s("text", { class: "date first", x: 0, y }, day(versions[0].valid_from)),
    inner.map((one) => s("text", { class: "date wide", x: `${x(one.valid_from)}%`, y }, day(one.valid_from))),
    s("text", { class: "date last", x: "100%", y }, "now"),
  ];
}

/** The versions that are far enough from the one before for a label. */
function spaced(versions, place) {
  let last = -Infinity;
  return versions.filter((one) => {
    if (place(one) - last < LABEL_WIDTH) return false;
    last = place(one);
    return true;
  });
}
