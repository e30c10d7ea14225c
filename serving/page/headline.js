// What an operator wants to know first, in one sentence; and what is wrong, before anything else.

import { counted, grouped, lasting, percent } from "./format.js";

/** The state of everything: a headline, a sentence to it, and whether all is well. */
export function headline(status, now) {
  const { totals, targets } = status;
  if (!totals.batches) {
    return ["No batch has been read yet", "Drop files into the landing folder, or run tally generate; this page shows them by itself.", true];
  }
  const ages = status.subjects.map((one) => [one.subject, (now - Date.parse(one.last_batch_at)) / 1000]);
  const newest = Math.min(...ages.map(([, age]) => age));
  const said = `${grouped(totals.rows_read)} rows read in ${counted(totals.batches, "batch", "batches")}; the newest was finished ${lasting(newest)} ago.`;
  if (totals.unaccounted) {
    return [`${counted(Math.abs(totals.unaccounted), "row")} unaccounted for`, `${said} Run tally audit.`, false];
  }
  if (newest > targets.freshness_seconds) {
    return [`Every row is accounted for; nothing new for ${lasting(newest)}`, `${said} Is a stream running?`, true];
  }
  const wrong = totals.validity !== null && totals.validity < targets.validity;
  const valid = `${percent(totals.validity)} were valid${wrong ? `, below the target of ${percent(targets.validity, 0)}` : ""}.`;
  return [`All ${grouped(totals.rows_read)} rows are accounted for`, `${said} ${valid}`, true];
}
