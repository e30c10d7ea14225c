// The books as a flow chart: one band for each outcome of the rows read, as thick as its share of them.

import { s } from "./dom.js";
import { grouped, percent } from "./format.js";

/** Pixels that all rows read are thick; a band that would be thinner than THIN is drawn THIN, so that one row is still seen. */
const THICK = 168;
const THIN = 3;
const TOP = 34;
const SLOT = 42;
const GAP = 12;
/** Where the curve bends, in percent of the way. */
const BEND = 50;

/**
 * The flow. `parts` are {kind, label, rows, about, apart, inside}: kind is a class, about a second line; `apart` of its rows are drawn
 * as the part that follows, which is `inside` it and lies against it. A part of no rows is written as 0 with a hollow mark and no band.
 */
export function flow({ read, parts, sentence }) {
  const bands = layOut(read, parts);
  const last = bands.at(-1);
  const height = last.to + Math.max(last.thick, SLOT);
  return s(
    "svg",
    { class: "flow", role: "img", height, "aria-label": `Where the rows read went, drawn to scale: ${sentence}` },
    source(read, bands),
    s(
      "svg",
      { viewBox: `0 0 100 ${height}`, preserveAspectRatio: "none", width: "100%", height },
      bands.filter((band) => band.thick).map(ribbon),
    ),
    bands.map((band) => outcome(band, read)),
  );
}

function layOut(read, parts) {
  let [from, to] = [TOP, TOP];
  return parts.map((part, number) => {
    const drawn = Math.abs(part.rows) - (part.apart ?? 0);
    const thick = drawn ? Math.max(THIN, (drawn / Math.max(read, 1)) * THICK) : 0;
    const band = { ...part, thick, from, to };
    from += thick;
    to += Math.max(thick, SLOT) + (parts[number + 1]?.inside && part.apart ? 0 : GAP);
    return band;
  });
}

function source(read, bands) {
  const thick = bands.reduce((sum, band) => sum + band.thick, 0);
  return [
    s("text", { class: "rows", x: 0, y: TOP - 13 }, `${grouped(read)} read`),
    s("rect", { class: "node", x: 0, y: TOP, width: 6, height: Math.max(thick, THIN) }),
  ];
}

function ribbon({ kind, from, to, thick, label, rows }) {
  const path =
    `M0 ${from}C${BEND} ${from} ${BEND} ${to} 100 ${to}V${to + thick}` +
    `C${BEND} ${to + thick} ${BEND} ${from + thick} 0 ${from + thick}Z`;
  return s("path", { class: `band ${kind}`, d: path }, s("title", {}, `${grouped(rows)} ${label}`));
}

function outcome({ kind, label, rows, about, to, thick }, read) {
  const middle = to + Math.max(thick, 0) / 2;
  const text = thick > SLOT ? middle - 4 : to + 12;
  const share = rows && read ? percent(rows / read) : "";
  return [
    thick
      ? s("rect", { class: `node end ${kind}`, x: "100%", y: to, width: 6, height: thick })
      : s("circle", { class: "none", cx: "100%", cy: to + 7, r: 4 }),
    s("text", { class: "rows", x: "100%", y: text, dx: 14 }, `${grouped(rows)} ${label}`),
    s("text", { class: "share", x: "100%", y: text + 18, dx: 14 }, [share, about].filter(Boolean).join(", ")),
  ];
}
