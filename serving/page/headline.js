// The headline: the state of the pipeline in one sentence; whatever is wrong comes first.

import { ago, clock, counted, duration, grouped, percent, since } from "./format.js";

/**
 * The headline of a status. `text` is the headline and `detail` what follows it; `spoken` is the same without a figure that changes by
 * itself, for screen readers, read out only when it changes; `wrong`: someone has to act; `stale`: no new batch; `about`: the lead.
 */
export function headline(status, now) {
  const { totals, targets } = status;
  if (!totals.batches) return NO_BATCH;
  const age = Math.min(...status.subjects.map((one) => since(one.last_batch_at, now)));
  const read = `${counted(totals.batches, "batch", "batches")} of ${counted(status.subjects.length, "subject")}.`;
  const about = `${read} ${valid(totals, targets)}${open(status)}`;
  const newest = `newest batch ${ago(age)}`;
  if (totals.unaccounted) {
    return { ...unaccounted(status), detail: newest, about: `${about} Run tally audit: it says which.`, wrong: true };
  }
  const text = `All ${grouped(totals.rows_read)} rows accounted for`;
  if (age <= targets.freshness_seconds) return { text, detail: newest, spoken: "All rows accounted for.", about, wrong: false };
  const spoken = "All rows accounted for, but there is no new batch.";
  const detail = `nothing new for ${duration(age)}`;
  return { text, detail, spoken, about: `${about} Is a stream running?`, wrong: false, stale: true };
}

const NO_BATCH = {
  text: "No batch has been read yet",
  detail: "",
  spoken: "No batch has been read yet.",
  about: "Drop files into the landing folder while tally stream runs, or run tally demo; this page shows them by itself.",
  wrong: false,
};

/** The headline while requests fail. `lastAnswered`: the time of the last answer in milliseconds, or null. `about`: what to do, where that is known. */
export function outage(error, lastAnswered) {
  const known = { away: "Postgres is away", empty: "Nothing is published yet" };
  const text = known[error.database] ?? ("database" in error ? "The server does not answer" : "These figures cannot be shown");
  return {
    text,
    detail: lastAnswered === null ? "" : `last figures of ${clock(lastAnswered)} UTC`,
    spoken: `${text}.`,
    about: error.database === "empty" ? "Run `tally stream` or `tally publish`." : null,
    wrong: error.database !== "empty",
  };
}

function unaccounted(status) {
  const rows = counted(Math.abs(status.totals.unaccounted), "row");
  const subjects = status.subjects.filter((one) => one.unaccounted).map((one) => one.subject).join(", ");
  return { text: `${rows} of ${subjects} unaccounted for`, spoken: `Rows of ${subjects} are unaccounted for.` };
}

function valid(totals, targets) {
  if (totals.validity === null) return "";
  const against = totals.validity < targets.validity ? "below" : totals.validity > targets.validity ? "above" : "at";
  return `${percent(totals.validity)} of all rows were valid, ${against} the target of ${percent(targets.validity, 0)}. `;
}

function open({ open_dead_letters: count }) {
  if (!count) return "No dead letter is open.";
  return `${counted(count, "dead letter")} ${count === 1 ? "waits" : "wait"} to be replayed or discarded.`;
}
