// The books: how the rows read were counted, as a sentence, a flow chart and a table.

import { h } from "./dom.js";
import { flow } from "./flow.js";
import { grouped } from "./format.js";
import { figuresTable, note } from "./tables.js";

/** The books of a subject, or of all. */
export function books(status, subject) {
  const one = subject ? status.subjects.find((each) => each.subject === subject) : status.totals;
  if (!one || !one.rows_read) return [note("No rows were read yet: run tally stream.")];
  const sentence = sum(one);
  return [
    h("p", { class: "note" }, sentence),
    h("figure", { class: "books" }, flow({ read: one.rows_read, parts: parts(one), sentence })),
    figuresTable("The books of each subject in numbers", COLUMNS, status.subjects.map(row)),
  ];
}

function sum(one) {
  const late = one.late ? ` (${grouped(one.late)} of them late)` : "";
  const control = one.control ? ` + ${grouped(one.control)} control` : "";
  return (
    `${grouped(one.rows_read)} read = ${grouped(one.accepted)} accepted${late} + ${grouped(one.duplicate)} duplicate + ` +
    `${grouped(one.dead_letter)} dead-lettered${control}; ${grouped(one.unaccounted)} unaccounted.`
  );
}

const COLUMNS = ["subject", "#batches", "#read", "#accepted", "#of these late", "#duplicate", "#dead letter", "#control", "#unaccounted"];

function row(one) {
  const counts = [one.batches, one.rows_read, one.accepted, one.late, one.duplicate, one.dead_letter, one.control, one.unaccounted];
  return [one.subject, ...counts.map(grouped)];
}

function parts(one) {
  return [
    { kind: "accepted", label: "accepted", rows: one.accepted, apart: one.late },
    { kind: "late", label: "of these late", rows: one.late, about: "after the watermark", inside: true },
    { kind: "duplicate", label: "duplicate", rows: one.duplicate, about: "of an accepted row" },
    { kind: "dead-letter", label: "dead letters", rows: one.dead_letter, about: "kept with all reasons" },
    one.control && { kind: "control", label: "control", rows: one.control, about: "messages without a row" },
    { kind: "unaccounted", label: "unaccounted", rows: one.unaccounted, about: one.unaccounted ? "run tally audit" : "nothing is lost" },
  ].filter(Boolean);
}
