// The page: shows what has changed, and keeps the last figures when no one answers.

import { KeyNeeded, Refused, Away, ask, hasKey, now, useKey } from "./api.js";
import { books } from "./books.js";
import { h, prose, show } from "./dom.js";
import { lasting } from "./format.js";
import { headline, silence } from "./headline.js";
import { found, history } from "./history.js";
import { letters, reasons } from "./reasons.js";
import { rounds } from "./rounds.js";
import { revenue, top } from "./sales.js";
import { freshness, publishing } from "./standing.js";
import { nothing } from "./tables.js";
import { lateness, throughput, together, validity } from "./trends.js";

/** What the reader has chosen. `cursors`: those of the pages of dead letters up to the one shown; `whole`: the letters opened, by row_id. */
const chosen = { subject: "", product: null, moment: "", reason: null, cursors: [null], whole: new Map() };
let answered = null;
const at = (id) => document.getElementById(id);

async function refresh(isOld) {
  const { subject } = chosen;
  const [status, hours, minutes, why, days, best] = await Promise.all([
    ask("/status"),
    ask("/quality", { hours: 48, subject }),
    ask("/throughput", { minutes: 60, subject }),
    ask("/reasons", { hours: 24, subject }),
    ask("/revenue/daily", { limit: 30 }),
    ask("/products/top", { limit: 8 }),
  ]);
  if (isOld()) return;
  showStatus(status);
  showTrends(status, hours.items, minutes.items);
  show(at("reasons"), reasons(why.items));
  show(at("revenue"), revenue(days.items));
  show(at("top"), top(best));
  chosen.product ??= best.items[0]?.product_id ?? null;
  await Promise.all([showHistory(), showLetters()]);
  if (!isOld()) showAnswered();
}

function showStatus(status) {
  const told = headline(status, now());
  showHeadline(told);
  show(at("lead"), told.about);
  show(at("subject"), h("option", { value: "" }, "all"), status.subjects.map((one) => h("option", { value: one.subject }, one.subject)));
  show(at("books"), books(status, chosen.subject));
  show(at("freshness"), freshness(status, now()));
  show(at("publishing"), publishing(status));
}

function showTrends(status, hours, minutes) {
  const summed = together(hours);
  show(at("throughput"), throughput(minutes));
  show(at("validity"), validity(summed, status.targets.validity));
  show(at("lateness"), lateness(summed));
}

function showHeadline({ said, beside, state, wrong, stale }) {
  at("headline").className = wrong ? "wrong" : stale ? "stale" : "";
  show(at("headline"), said, beside && ["; ", h("span", { class: "beside" }, beside)]);
  show(at("state"), state);
  document.title = `${said} – Tallylake`;
}

async function showHistory() {
  const { product, moment } = chosen;
  if (product === null) return show(at("history"), nothing("No product was sold yet: find one above, or run tally gold run --date."));
  const [told, price] = await Promise.all([
    ask(`/products/${product}/history`),
    moment && ask(`/products/${product}/price`, { at: `${moment}Z` }),
  ]);
  if (product !== chosen.product || moment !== chosen.moment) return;
  show(at("history"), told ? history(told.items, now(), { moment, price }) : nothing("This product has no history."));
}

async function showLetters() {
  const { reason, subject } = chosen;
  at("letters-section").hidden = reason === null;
  if (reason === null) return;
  const cursor = chosen.cursors.at(-1);
  const page = await ask("/dead-letters", { ...reason, subject, limit: 10, cursor });
  if (reason !== chosen.reason || cursor !== chosen.cursors.at(-1)) return;
  chosen.next = page.next;
  show(at("letters"), letters(page, reason, chosen.cursors.length, chosen.whole));
}

function showAnswered() {
  answered = now();
  at("figures").hidden = false;
  at("key").hidden = true;
  show(at("notice"));
}

/** No answer to a round: what was shown stays, and says of when it is. */
function failed(error, seconds) {
  if (error instanceof KeyNeeded) return askForKey();
  if (!(error instanceof Away)) console.error(error); // a mistake of the page's own
  const told = silence(error, answered);
  showHeadline(told);
  if (answered === null) show(at("lead"));
  const said = h("p", {}, h("strong", {}, `${told.said}.`), prose(` ${told.about ?? error.message} Asking again in ${lasting(seconds)}. `));
  show(at("notice"), said, h("button", { type: "button", id: "again" }, "Ask now"));
}

function askForKey() {
  at("key").hidden = false;
  showHeadline({ said: "This server asks for a key", state: "This server asks for a key.", wrong: false });
  show(at("key-said"), hasKey() ? "That key was not accepted." : "");
}

/** Something that was asked for by hand: at once; a question that has no answer is told beside, any other trouble by the rounds. */
async function byHand(action, place) {
  try {
    await action();
  } catch (error) {
    if (error instanceof Refused) show(place, nothing(error.message));
    else round();
  }
}

function choose(product) {
  chosen.product = Number(product);
  return byHand(showHistory, at("history"));
}

/** The nearest element about the event's that has this datum, whatever of it was hit. */
function hit(event, name) {
  return event.target.closest(`[data-${name}]`)?.dataset ?? null;
}

at("subject").addEventListener("change", (event) => {
  chosen.subject = event.target.value;
  chosen.cursors = [null];
  round();
});

at("reasons").addEventListener("click", async (event) => {
  const data = hit(event, "code");
  if (!data) return;
  Object.assign(chosen, { reason: { code: data.code, field: data.field }, cursors: [null] });
  await byHand(showLetters, at("letters"));
  at("h-letters").focus();
});

at("letters").addEventListener("click", async (event) => {
  const step = hit(event, "step")?.step;
  if (!step) return;
  if (step === "next") chosen.cursors.push(chosen.next);
  else if (step === "before") chosen.cursors.pop();
  else chosen.reason = null;
  await byHand(showLetters, at("letters"));
  (step === "close" ? at("h-reasons") : at("h-letters")).focus();
});

// That details were opened does not bubble.
at("letters").addEventListener("toggle", (event) => {
  const id = hit(event, "row")?.row;
  if (!id || !event.target.open || chosen.whole.has(id)) return;
  byHand(async () => {
    chosen.whole.set(id, await ask(`/dead-letters/${encodeURIComponent(id)}`));
    await showLetters();
  }, at("letters"));
}, true);

at("top").addEventListener("click", async (event) => {
  const data = hit(event, "product");
  if (!data) return;
  await choose(data.product);
  at("h-history").focus();
});

at("found").addEventListener("click", (event) => {
  const data = hit(event, "product");
  if (data) choose(data.product);
});

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = at("query").value.trim();
  byHand(async () => {
    const told = await ask("/products", { query, limit: 8 });
    show(at("found"), found(told, query));
    if (told.items.length === 1) await choose(told.items[0].product_id);
  }, at("found"));
});

at("history").addEventListener("change", (event) => {
  if (event.target.id !== "moment") return;
  chosen.moment = event.target.value;
  byHand(showHistory, at("found"));
});

at("notice").addEventListener("click", (event) => {
  if (event.target.id === "again") round();
});

at("key").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(at("key-text").value);
  at("key-text").value = "";
  round();
});

const round = rounds(refresh, failed);
