// Throughput by minute, validity and lateness by hour.

import { chart, legend } from "./charts.js";
import { h } from "./dom.js";
import { clock, counted, day, grouped, percent } from "./format.js";
import { scaleOver, short, shortShare } from "./scale.js";
import { figuresTable, note } from "./tables.js";

const HOUR = 3_600_000;
/** The ranges below 100 % that the chart of validity may show, so that its ticks are round. */
const SPANS = [0.1, 0.2, 0.5, 1, Infinity];

const MINUTE = ["minute", "#batches", "#read", "#accepted", "#late", "#duplicate", "#dead letter"];

/** Rows read in each minute. */
export function throughput(minutes) {
  if (!minutes.length) return [note("No batch was read yet.")];
  const values = minutes.map((one) => one.rows_read);
  const total = values.reduce((sum, value) => sum + value, 0);
  const busiest = minutes[values.indexOf(Math.max(...values))];
  const about =
    `${counted(total, "row")} in the ${minutes.length} minutes up to the newest batch; ` +
    `${grouped(busiest.rows_read)} in the busiest, ${clock(busiest.minute, false)}.`;
  const slots = minutes.map((one) => ({
    value: one.rows_read,
    label: clock(one.minute, false),
    title: `${clock(one.minute, false)}: ${counted(one.rows_read, "row")} in ${counted(one.batches, "batch", "batches")}`,
  }));
  const rows = minutes.filter((one) => one.batches).reverse();
  return [
    h("p", { class: "note" }, about),
    chart({ label: "Rows read by minute", about, slots, scale: scaleOver(values), form: short }),
    figuresTable("Minutes with a batch in numbers", MINUTE, rows.map((one) => [
      clock(one.minute, false),
      ...[one.batches, one.rows_read, one.accepted, one.late, one.duplicate, one.dead_letter].map(grouped),
    ])),
  ];
}

/** The share of valid rows by hour, against the target. */
export function validity(hours, target) {
  const known = hours.filter((one) => one.rows_read);
  if (!known.length) return [note("No rows were read in these hours.")];
  const share = (one) => 1 - one.dead_letter / one.rows_read;
  const below = known.filter((one) => share(one) < target);
  const least = Math.min(target, ...known.map(share));
  const low = Math.max(0, 1 - SPANS.find((span) => 1 - span <= least - span / 20));
  const about = below.length
    ? `${counted(below.length, "hour")} of ${known.length} below the target of ${percent(target, 0)}.`
    : `${counted(known.length, "hour")} with rows, none below the target of ${percent(target, 0)}.`;
  const slots = hourlySlots(hours, (one) => ({
    value: one.rows_read ? share(one) : null,
    kind: one.rows_read && share(one) < target ? "below" : "point",
    title: `${percent(share(one))} of ${counted(one.rows_read, "row")} valid`,
  }));
  return [
    h("p", { class: "note" }, about),
    chart({
      label: "Share of valid rows by hour",
      about,
      slots,
      scale: scaleOver([1], { low, high: 1, least: 0.005, steps: 2 }),
      form: shortShare,
      points: true,
      target: { value: target, label: "" },
    }),
    legend(["point", "share of valid rows"], ["below", "below the target"], ["target", `target, ${percent(target, 0)}`]),
    figuresTable("Validity by hour in numbers", ["hour", "#valid", "#read", "#dead letter"], [...known].reverse().map((one) => [
      hourLabel(one.hour), percent(share(one), 2), grouped(one.rows_read), grouped(one.dead_letter),
    ])),
  ];
}

/** The share of late rows among the accepted, by hour. */
export function lateness(hours) {
  const known = hours.filter((one) => one.accepted);
  if (!known.length) return [note("No rows were accepted in these hours.")];
  const share = (one) => one.late / one.accepted;
  const [late, accepted] = ["late", "accepted"].map((name) => known.reduce((sum, one) => sum + one[name], 0));
  const about =
    `In ${counted(known.length, "hour")} ${grouped(late)} of ${counted(accepted, "accepted row")} came after the watermark ` +
    `(${percent(late / accepted)}); they are kept and flagged.`;
  const slots = hourlySlots(hours, (one) => ({
    value: one.accepted ? share(one) : null,
    title: `${percent(share(one))}: ${grouped(one.late)} of ${grouped(one.accepted)}`,
  }));
  return [
    h("p", { class: "note" }, about),
    chart({
      label: "Share of late rows by hour", about, slots, scale: scaleOver(known.map(share), { least: 0.005 }), form: shortShare,
    }),
    figuresTable("Lateness by hour in numbers", ["hour", "#late", "#accepted", "#share"], [...known].reverse().map((one) => [
      hourLabel(one.hour), grouped(one.late), grouped(one.accepted), percent(share(one), 2),
    ])),
  ];
}

/** The hours of several subjects added up, one for each hour. */
export function sumByHour(items) {
  const hours = new Map();
  for (const one of items) {
    const sum = hours.get(one.hour) ?? { hour: one.hour, rows_read: 0, accepted: 0, late: 0, dead_letter: 0 };
    for (const name of ["rows_read", "accepted", "late", "dead_letter"]) sum[name] += one[name];
    hours.set(one.hour, sum);
  }
  return [...hours.values()];
}

/** A slot for every hour from the first to the last; one without rows is a gap. */
function hourlySlots(hours, slot) {
  const known = new Map(hours.map((one) => [Date.parse(one.hour), one]));
  const [first, last] = [Math.min(...known.keys()), Math.max(...known.keys())];
  const slots = [];
  for (let at = first; at <= last; at += HOUR) {
    const one = known.get(at);
    const made = one ? slot(one) : { value: null, title: "no rows" };
    slots.push({ ...made, label: hourLabel(at, false), title: `${hourLabel(at)}: ${made.title}` });
  }
  return slots;
}

function hourLabel(moment, whole = true) {
  return whole ? `${day(moment, false)}, ${clock(moment, false)}` : clock(moment, false);
}
