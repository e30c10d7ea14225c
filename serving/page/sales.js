// Sales by day, and the top products.

import { chart, legend } from "./charts.js";
import { h } from "./dom.js";
import { counted, day, grouped, isWeekend, weekday } from "./format.js";
import { scaleOver, short } from "./scale.js";
import { figuresTable, note, ranked } from "./tables.js";

const DAY = ["day", "#sales", "#orders", "#customers", "#units", "#average order", "#cancelled"];

/** Gross merchandise value of each day. */
export function revenue(items) {
  if (!items.length) return [note("No day was built yet: run tally gold run --date, and it is shown here.")];
  const days = [...items].reverse();
  const values = days.map((one) => Number(one.gmv));
  const best = days[values.indexOf(Math.max(...values))];
  const last = days.at(-1);
  const about =
    `${grouped(last.gmv)} on ${day(last.order_date)}; the best of ${counted(days.length, "day")} was ` +
    `${day(best.order_date)} with ${grouped(best.gmv)}.`;
  const slots = days.map((one, number) => ({
    value: Number(one.gmv),
    label: day(one.order_date, false),
    kind: number === days.length - 1 ? "strong" : isWeekend(one.order_date) ? "weekend" : "",
    title: `${weekday(one.order_date)}: ${grouped(one.gmv)} from ${counted(one.orders, "order")}`,
  }));
  return [
    h("p", { class: "note" }, about),
    chart({ label: "Sales by day", about, slots, scale: scaleOver(values), form: short, inner: 212 }),
    legend(["column strong", "newest day"], ["column", "weekday"], ["column weekend", "weekend"]),
    figuresTable("Sales by day in numbers", DAY, items.map((one) => [
      one.order_date,
      ...[one.gmv, one.orders, one.customers, one.units, one.average_order_value, one.cancelled_amount].map(grouped),
    ])),
  ];
}

/** The best products of the newest day; each is a button that shows its history. */
export function top(found) {
  if (!found.items.length) return [note("No product was sold on a day that is built: run tally gold run --date.")];
  const rows = found.items.map((one) => ({
    key: one.product_id,
    name: choice(one),
    size: Number(one.revenue),
    numbers: [grouped(one.revenue), grouped(one.units)],
  }));
  const summary = `By sales on ${day(found.order_date)}. Choose one to see its prices below.`;
  return [h("p", { class: "note" }, summary), ranked(["product", "sales", "units"], rows)];
}

function choice({ product_id: id, product_name: name }) {
  return h("button", { class: "link", type: "button", "data-product": id }, name ?? `product ${id}`);
}
