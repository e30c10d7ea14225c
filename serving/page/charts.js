// Charts with one column or point a slot, oldest first. x is in percent, so that they fit any screen and their text keeps its
// size; y is in pixels. Each has a text alternative; its figures are in a table below it (tables.js).

import { h, s } from "./dom.js";

/** Pixels above the highest tick and below the baseline. */
const HEAD = 20;
const FOOT = 24;
const FILL = 0.72;
/** A zero is drawn this high, to tell it from a gap. */
const ZERO_HEIGHT = 1.5;
const LABELS = 5;

/**
 * A chart. `slots` are {value, title, label, kind}: value null is a gap, title the tooltip, label the text below it,
 * kind a class. `points`: a line with points in place of columns. `target`: {value, label}, a line to compare with.
 */
export function chart({ label, about, slots, scale, form, inner = 120, points = false, target = null, labels = true }) {
  const baseline = HEAD + inner;
  const y = (value) => Number((baseline - scale.share(value) * inner).toFixed(2));
  return s(
    "svg",
    { class: "chart", role: "img", height: labels ? baseline + FOOT : baseline + 4, "aria-label": `${label}. ${about}` },
    scale.ticks.map((tick, number) => line(number ? "grid" : "base", y(tick), form(tick, scale))),
    points ? curve(slots, y, baseline + FOOT) : slots.map((slot, number) => column(slot, number, slots.length, y, baseline)),
    target && targetLine(target, y),
    points && slots.map((slot, number) => point(slot, middle(number, slots.length), y)),
    slots.map((slot, number) => slot.value === null && gap(middle(number, slots.length), baseline)),
    labels && dates(slots, baseline),
    slots.map((slot, number) => hoverArea(slot, number, slots.length, baseline)),
  );
}

/** A legend: pairs of a swatch's class and its words. */
export function legend(...entries) {
  return h("ul", { class: "legend" }, entries.map(([kind, words]) => h("li", {}, swatch(kind), words)));
}

function swatch(kind) {
  const shape = { target: "M0 6H22", mean: "M0 6H22" }[kind];
  if (shape) return s("svg", { width: 22, height: 12, "aria-hidden": "true" }, s("path", { class: kind, d: shape }));
  if (kind === "below") return s("svg", { width: 14, height: 12, "aria-hidden": "true" }, marker("below", "7", 6));
  if (kind === "point") return s("svg", { width: 12, height: 12, "aria-hidden": "true" }, marker("point", "6", 6));
  return s("svg", { width: 12, height: 12, "aria-hidden": "true" }, s("rect", { class: kind, width: 12, height: 12 }));
}

function middle(number, count) {
  return Number((((number + 0.5) * 100) / count).toFixed(3));
}

function line(kind, y, text) {
  return [
    s("line", { class: kind, x1: 0, x2: "100%", y1: y, y2: y }),
    s("text", { class: "tick", x: -8, y, dy: "0.32em" }, text),
  ];
}

function column({ value, kind = "" }, number, count, y, baseline) {
  if (value === null) return null;
  const top = Math.min(y(value), baseline - ZERO_HEIGHT);
  const width = (100 / count) * FILL;
  const x = `${(middle(number, count) - width / 2).toFixed(3)}%`;
  return s("rect", { class: `column ${kind}`.trim(), x, y: top, width: `${width.toFixed(3)}%`, height: (baseline - top).toFixed(2) });
}

function curve(slots, y, height) {
  let pen = "M";
  const path = slots.map(({ value }, number) => {
    const step = value === null ? "" : `${pen}${middle(number, slots.length)} ${y(value)}`;
    pen = value === null ? "M" : "L";
    return step;
  });
  const box = { viewBox: `0 0 100 ${height}`, preserveAspectRatio: "none", width: "100%", height };
  return s("svg", box, s("path", { class: "mean", d: path.join("") || "M0 0" }));
}

function point({ value, kind = "" }, x, y) {
  return value === null ? null : marker(kind || "point", `${x}%`, y(value));
}

/** A point below the target has another shape and size, not only another colour. */
function marker(kind, x, y) {
  if (kind !== "below") return s("circle", { class: kind, cx: x, cy: y, r: 2.75 });
  return s("svg", { x, y, class: "marker" }, s("path", { class: "below", d: "M-6.5 -5H6.5L0 6.5Z" }));
}

function targetLine({ value, label }, y) {
  return [
    s("line", { class: "target", x1: 0, x2: "100%", y1: y(value), y2: y(value) }),
    s("text", { class: "target-label", x: "100%", y: y(value) - 5 }, label),
  ];
}

function gap(x, baseline) {
  return s("line", { class: "missing", x1: `${x}%`, x2: `${x}%`, y1: baseline - 16, y2: baseline - 1 });
}

function dates(slots, baseline) {
  const every = Math.max(1, Math.ceil(slots.length / LABELS));
  return slots.map(({ label }, number) => {
    const back = slots.length - 1 - number;
    if (!label || back % every) return null;
    const x = middle(number, slots.length);
    const kind = back === 0 && slots.length > 2 ? "date last" : x < 8 ? "date first" : "date";
    const place = kind === "date last" ? "100%" : kind === "date first" ? "0" : `${x}%`;
    const wide = (back / every) % 2 ? " wide" : ""; // every second one has no room on a narrow screen
    return s("text", { class: kind + wide, x: place, y: baseline + 17 }, label);
  });
}

function hoverArea({ title }, number, count, baseline) {
  const width = `${(100 / count).toFixed(3)}%`;
  const x = `${((number * 100) / count).toFixed(3)}%`;
  return s("rect", { class: "hit", x, y: 0, width, height: baseline }, s("title", {}, title));
}
