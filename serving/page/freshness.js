// The freshness of each subject, and of the published tables.

import { h } from "./dom.js";
import { ago, counted, duration, grouped, since, time } from "./format.js";
import { figuresTable, note, table } from "./tables.js";

const WATERMARK = "Events older than the watermark are late; a first batch has none yet, and changes never have one.";
const TABLE = ["table of the lake", "table here", "#version", "#after the lake", "#rows written", "#rows deleted", "published"];
/** What happens to a stream without progress, or what to do, by its state. */
const STOPPED = {
  retrying: "it is tried again and again",
  stalled: "stop the stream and start it again",
  given_up: "it was given up: start the stream again",
};

/** Each subject's newest batch and watermark. */
export function freshness(status, now) {
  if (!status.subjects.length) return [note("No subject has a batch yet: run tally stream.")];
  const target = duration(status.targets.freshness_seconds);
  const rows = status.subjects.map((one) => [
    one.subject,
    newest(since(one.last_batch_at, now), status.targets.freshness_seconds),
    duration(one.last_duration_seconds),
    one.watermark ? time(one.watermark) : "none",
  ]);
  return [
    ...status.streams.filter((one) => STOPPED[one.state]).map(stopped),
    h("p", { class: "note" }, `Fresh: a batch in the last ${target}. ${WATERMARK}`),
    table(["subject", "newest", "#~it took", "watermark"], rows),
  ];
}

function stopped(one) {
  const why = one.error || `a batch is at '${one.step}'`;
  return h("p", { class: "note" },
    h("span", { class: "not" }, h("span", { "aria-hidden": "true" }, "! "), `${one.subject}: ${one.query} stands still since `, time(one.since)),
    `: ${why}; ${STOPPED[one.state]}.`);
}

function newest(age, target) {
  const [kind, mark, word] = age > target ? ["not", "!", "stale"] : ["ok", "✓", "fresh"];
  return h("span", { class: kind }, h("span", { "aria-hidden": "true" }, `${mark} `), h("span", { class: "visually-hidden" }, `${word}, `), ago(age));
}

/** The version of each table that is published, and its lag behind the lake. */
export function publishing(status) {
  const shown = status.tables.filter((one) => one.version !== null);
  if (!shown.length) return [note("No table is published yet: run tally stream or tally publish.")];
  return [
    h("p", { class: "note" }, sentence(shown), gold(status)),
    figuresTable("Every table in numbers", TABLE, status.tables.map(row)),
  ];
}

function row(one) {
  const rows = [one.rows_written, one.rows_deleted].map(grouped);
  return [one.lake_table, one.table, grouped(one.version), duration(one.lag_seconds), ...rows, time(one.published_at)];
}

function sentence(shown) {
  const newest = shown.map((one) => one.published_at).sort().at(-1);
  const slowest = shown.reduce((one, other) => (other.lag_seconds > one.lag_seconds ? other : one));
  return [
    `Of the lake, ${counted(shown.length, "table")} can be seen here, each as one of its versions, whole. The last change came `,
    time(newest),
    `; the slowest, ${slowest.table}, followed the lake after ${duration(slowest.lag_seconds)}.`,
  ];
}

function gold({ gold: run }) {
  if (!run) return " Gold was not built yet: run tally gold run --date.";
  const held = run.dates_held ? `, ${grouped(run.dates_held)} held back by its gates` : "";
  return ` The newest run of gold, ${run.run_number}, built ${counted(run.dates_built, "day")}${held}.`;
}
