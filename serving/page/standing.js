// How fresh each subject is, and how far its tables are published.

import { h } from "./dom.js";
import { counted, grouped, lasting, percent, time } from "./format.js";
import { nothing, numbers, table } from "./tables.js";

/** Each subject's newest batch and watermark. */
export function freshness(status, now) {
  if (!status.subjects.length) return [nothing("No subject has a batch yet.")];
  const rows = status.subjects.map((one) => {
    const age = (now - Date.parse(one.last_batch_at)) / 1000;
    const stale = age > status.targets.freshness_seconds;
    return [
      one.subject,
      h("span", { class: stale ? "not" : "ok" }, stale ? "! nothing new" : "✓ fresh"),
      `${lasting(age)} ago`,
      one.watermark ? time(one.watermark) : "none",
      one.last_duration_seconds === null ? "–" : lasting(one.last_duration_seconds),
      percent(one.validity),
    ];
  });
  const target = lasting(status.targets.freshness_seconds);
  return [
    h("p", { class: "say" }, `A subject is fresh while its newest batch is younger than ${target}. Rows older than the watermark count as late; a first batch has none yet, and changes never have one.`),
    table(["subject", "state", "#newest batch", "~watermark", "#~it took", "#valid"], rows),
  ];
}

/** Which version of each table is shown, and how long after the lake. */
export function publishing(status) {
  const shown = status.tables.filter((one) => one.version !== null);
  if (!shown.length) return [nothing("No table is published yet: run tally stream or tally publish.")];
  const lags = shown.map((one) => one.lag_seconds).filter((lag) => lag !== null);
  const newest = shown.map((one) => one.published_at).sort().at(-1);
  const gold = status.gold ? ` Gold was last built by run ${status.gold.run_number} (${status.gold.status}).` : " Gold was not built yet: run tally gold run --date.";
  return [
    h("p", { class: "say" }, `${counted(shown.length, "table")} of the lake are shown, each as one of its versions, whole. The last change came `, time(newest), `; the slowest table followed the lake after ${lasting(Math.max(...lags))}.${gold}`),
    numbers("Every table in numbers", ["table of the lake", "table here", "#version", "#after the lake", "#rows written", "#rows deleted"], status.tables.map((one) => [
      one.lake_table, one.table, one.version === null ? "–" : String(one.version), lasting(one.lag_seconds), grouped(one.rows_written), grouped(one.rows_deleted),
    ])),
  ];
}
