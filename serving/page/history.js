// A product through time (SCD type 2): its price as steps, its versions as a table, and what it cost at a moment.

import { h, s } from "./dom.js";
import { counted, day, grouped, time } from "./format.js";
import { scaleAround, short } from "./scale.js";
import { nothing, table } from "./tables.js";

const HEAD = 18;
const INNER = 130;
const FOOT = 26;

/** Products that were found; each is a button. */
export function found(items, query) {
  if (!items.length) return [nothing(`No product is called like “${query}”.`)];
  return [h("p", { class: "choices" }, items.map((one) => h("button", { type: "button", "data-product": one.product_id }, `${one.product_name ?? "product"} (${one.product_id})`)))];
}

/** All versions of a product. */
export function history(versions, until) {
  const last = versions.at(-1);
  const gone = !last.is_current;
  const said = `${last.product_name ?? "Product"} (${last.product_id}): ${counted(versions.length, "version")} since ${day(versions[0].valid_from)}${gone ? `, not sold since ${day(last.valid_to)}` : ""}.`;
  return [
    h("p", { class: "say" }, said),
    priced(versions) && steps(versions, until, said),
    table(["from", "~until", "#price", "~name", "~category", "#version"], [...versions].reverse().map((one) => [
      time(one.valid_from), one.valid_to ? time(one.valid_to) : "now", grouped(one.price), one.product_name ?? "–", one.category ?? "–", one.version,
    ])),
    h("p", { class: "ask" }, h("label", { for: "moment" }, "Its price at "), h("input", { id: "moment", type: "datetime-local", "data-product": last.product_id }), " UTC ", h("output", { id: "price", for: "moment" })),
  ];
}

function priced(versions) {
  return versions.every((one) => one.price !== null);
}

function steps(versions, until, said) {
  const [first, end] = [Date.parse(versions[0].valid_from), Math.max(until, Date.parse(versions.at(-1).valid_from))];
  const scale = scaleAround(versions.map((one) => Number(one.price)));
  const x = (moment) => (100 * (Math.min(Date.parse(moment), end) - first)) / Math.max(1, end - first);
  const y = (price) => HEAD + INNER * (1 - scale.share(Number(price)));
  const path = versions.map((one, number) => `${number ? "" : `M0 ${y(one.price)}`}${number ? `V${y(one.price)}` : ""}H${(one.valid_to ? x(one.valid_to) : 100).toFixed(3)}`).join("");
  const box = { viewBox: `0 0 100 ${HEAD + INNER}`, preserveAspectRatio: "none", width: "100%", height: HEAD + INNER };
  return s(
    "svg",
    { class: "chart steps", role: "img", height: HEAD + INNER + FOOT, "aria-label": `The price through time. ${said}` },
    scale.ticks.map((tick) => [
      s("line", { class: "grid", x1: 0, x2: "100%", y1: y(tick), y2: y(tick) }),
      s("text", { class: "tick", x: -8, y: y(tick), dy: "0.32em" }, short(tick, scale)),
    ]),
    s("svg", box, s("path", { class: "step", d: path })),
    versions.map((one) => s("circle", { class: "turn", cx: `${x(one.valid_from).toFixed(3)}%`, cy: y(one.price), r: 4 }, s("title", {}, `${grouped(one.price)} from ${day(one.valid_from)}`))),
    s("text", { class: "date first", x: 0, y: HEAD + INNER + 18 }, day(first)),
    s("text", { class: "date last", x: "100%", y: HEAD + INNER + 18 }, "now"),
  );
}
