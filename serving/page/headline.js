// What an operator wants to know first, in one sentence; and what is wrong, before anything else.

import { ago, clock, counted, grouped, lasting, percent, since } from "./format.js";

/**
 * The state of everything. `said` is the headline and `beside` what goes with it; `state` is the same without a figure that changes
 * by itself, to be read out only when it is another; `wrong`: someone has to act; `about`: a sentence or two more.
 */
export function headline(status, now) {
  const { totals, targets } = status;
  if (!totals.batches) return NOTHING;
  const age = Math.min(...status.subjects.map((one) => since(one.last_batch_at, now)));
  const read = `${counted(totals.batches, "batch", "batches")} of ${counted(status.subjects.length, "subject")}.`;
  const about = `${read} ${valid(totals, targets)}${open(status)}`;
  const newest = `newest batch ${ago(age)}`;
  if (totals.unaccounted) {
    return { ...unaccounted(status), beside: newest, about: `${about} Run tally audit: it says which.`, wrong: true };
  }
  const said = `All ${grouped(totals.rows_read)} rows accounted for`;
  if (age <= targets.freshness_seconds) return { said, beside: newest, state: "All rows accounted for.", about, wrong: false };
  const state = "All rows accounted for, but there is no new batch.";
  const beside = `nothing new for ${lasting(age)}`;
  return { said, beside, state, about: `${about} Is a stream running?`, wrong: false, stale: true };
}

const NOTHING = {
  said: "No batch has been read yet",
  beside: "",
  state: "No batch has been read yet.",
  about: "Drop files into the landing folder while tally stream runs, or run tally demo; this page shows them by itself.",
  wrong: false,
};

/** The state while there is no answer. `answered`: when there was one last, in milliseconds; null for never. `about`: what to do, where that is known. */
export function silence(error, answered) {
  const known = { away: "Postgres is away", empty: "Nothing is published yet" };
  const said = known[error.database] ?? ("database" in error ? "The server does not answer" : "These figures cannot be shown");
  return {
    said,
    beside: answered === null ? "" : `last figures of ${clock(answered)} UTC`,
    state: `${said}.`,
    about: error.database === "empty" ? "Run `tally stream` or `tally publish`." : null,
    wrong: error.database !== "empty",
  };
}

function unaccounted(status) {
  const rows = counted(Math.abs(status.totals.unaccounted), "row");
  const subjects = status.subjects.filter((one) => one.unaccounted).map((one) => one.subject).join(", ");
  return { said: `${rows} of ${subjects} unaccounted for`, state: `Rows of ${subjects} are unaccounted for.` };
}

function valid(totals, targets) {
  if (totals.validity === null) return "";
  const against = totals.validity < targets.validity ? "below" : totals.validity > targets.validity ? "above" : "at";
  return `${percent(totals.validity)} of all rows were valid, ${against} the target of ${percent(targets.validity, 0)}. `;
}

function open({ open_dead_letters: letters }) {
  if (!letters) return "No dead letter is open.";
  return `${counted(letters, "dead letter")} ${letters === 1 ? "waits" : "wait"} to be replayed or discarded.`;
}
