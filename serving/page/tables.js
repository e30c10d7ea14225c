// Tables of figures, also those behind each chart, and rankings with bars.

import { breakable, h, s } from "./dom.js";

/**
 * A table. `columns` are texts: those that begin with # hold numbers, those with ~ are left out on a narrow screen; `rows` are
 * lists of cells, the first of which names the row.
 */
export function table(columns, rows, { plain = false, caption = null } = {}) {
  const kinds = columns.map((name) => {
    const [flags] = /^[#~]*/.exec(name);
    return [flags.includes("#") && "n", flags.includes("~") && "wide"].filter(Boolean).join(" ") || null;
  });
  const named = (value) => (typeof value === "string" ? breakable(value) : value);
  const cell = (value, number) => (number === 0 ? h("th", { scope: "row" }, named(value)) : h("td", { class: kinds[number] }, value));
  return h(
    "div",
    { class: "scroll", tabindex: plain ? "0" : null, role: plain ? "group" : null, "aria-label": plain ? caption : null },
    h(
      "table",
      { class: plain ? "plain" : null },
      caption && h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map((name, number) => h("th", { scope: "col", class: kinds[number] }, name.replace(/^[#~]*/, ""))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))),
    ),
  );
}

/** The figures behind a chart, folded. */
export function figuresTable(summary, columns, rows) {
  return h("details", {}, h("summary", {}, summary), table(columns, rows, { plain: true, caption: summary }));
}

/**
 * Things in order of their size. `columns` name what they are and their numbers; `rows` are {key, name, size, numbers}, the first the
 * greatest; a bar shows each against it.
 */
export function ranked([name, ...columns], rows) {
  const head = [h("th", { scope: "col" }, name), h("td", { class: "of wide" }), columns.map((each) => h("th", { scope: "col", class: "n" }, each))];
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, head)),
    h("tbody", {}, rows.map((row) => h(
      "tr",
      { "data-key": row.key },
      h("th", { scope: "row" }, row.name),
      h("td", { class: "bars wide" }, bar(row.size, rows[0].size)),
      row.numbers.map((number) => h("td", { class: "n" }, number)),
    ))),
  );
}

function bar(part, whole) {
  const width = whole > 0 ? Math.max(0.5, (100 * part) / whole) : 0;
  return s(
    "svg",
    { class: "bar", height: 8, "aria-hidden": "true" },
    s("rect", { class: "track", width: "100%", height: 8, rx: 2 }),
    s("rect", { class: "fill", width: `${width.toFixed(2)}%`, height: 8, rx: 2 }),
  );
}

/** A sentence, such as where there is nothing to show. */
export function note(text) {
  return h("p", { class: "note" }, text);
}
