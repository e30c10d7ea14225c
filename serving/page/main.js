// The page: shows new figures, keeps the last ones while requests fail, and handles the reader's input.

import { BadRequest, KeyRequired, Unavailable, get, hasKey, now, useKey } from "./api.js";
import { books } from "./books.js";
import { h, prose, show } from "./dom.js";
import { duration } from "./format.js";
import { freshness, publishing } from "./freshness.js";
import { headline, outage } from "./headline.js";
import { history, searchResults } from "./history.js";
import { poll } from "./polling.js";
import { deadLetters, reasons } from "./reasons.js";
import { revenue, top } from "./sales.js";
import { note } from "./tables.js";
import { lateness, sumByHour, throughput, validity } from "./trends.js";

/** The reader's selection. `cursors`: of the pages of dead letters up to the one shown; `whole`: the dead letters opened, by row_id. */
const selected = { subject: "", product: null, moment: "", reason: null, cursors: [null], whole: new Map() };
let lastAnswered = null;
const byId = (id) => document.getElementById(id);

async function refresh(isOld) {
  const { subject } = selected;
  const [status, hours, minutes, reasonCounts, days, best] = await Promise.all([
    get("/status"),
    get("/quality", { hours: 48, subject }),
    get("/throughput", { minutes: 60, subject }),
    get("/reasons", { hours: 24, subject }),
    get("/revenue/daily", { limit: 30 }),
    get("/products/top", { limit: 8 }),
  ]);
  if (isOld()) return;
  showStatus(status);
  showTrends(status, hours.items, minutes.items);
  show(byId("reasons"), reasons(reasonCounts.items));
  show(byId("revenue"), revenue(days.items));
  show(byId("top"), top(best));
  selected.product ??= best.items[0]?.product_id ?? null;
  await Promise.all([showHistory(), showDeadLetters()]);
  if (!isOld()) showFigures();
}

function showStatus(status) {
  const head = headline(status, now());
  showHeadline(head);
  show(byId("lead"), head.about);
  show(byId("subject"), h("option", { value: "" }, "all"), status.subjects.map((one) => h("option", { value: one.subject }, one.subject)));
  show(byId("books"), books(status, selected.subject));
  show(byId("freshness"), freshness(status, now()));
  show(byId("publishing"), publishing(status));
}

function showTrends(status, hours, minutes) {
  const summed = sumByHour(hours);
  show(byId("throughput"), throughput(minutes));
  show(byId("validity"), validity(summed, status.targets.validity));
  show(byId("lateness"), lateness(summed));
}

function showHeadline({ text, detail, spoken, wrong, stale }) {
  byId("headline").className = wrong ? "wrong" : stale ? "stale" : "";
  show(byId("headline"), text, detail && ["; ", h("span", { class: "detail" }, detail)]);
  show(byId("state"), spoken);
  document.title = `${text} – Tallylake`;
}

async function showHistory() {
  const { product, moment } = selected;
  if (product === null) return show(byId("history"), note("No product was sold yet: find one above, or run tally gold run --date."));
  const [versions, price] = await Promise.all([
    get(`/products/${product}/history`),
    moment && get(`/products/${product}/price`, { at: `${moment}Z` }),
  ]);
  if (product !== selected.product || moment !== selected.moment) return;
  show(byId("history"), versions ? history(versions.items, now(), { moment, price }) : note("This product has no history."));
}

async function showDeadLetters() {
  const { reason, subject } = selected;
  byId("dead-letters-section").hidden = reason === null;
  if (reason === null) return;
  const cursor = selected.cursors.at(-1);
  const page = await get("/dead-letters", { ...reason, subject, limit: 10, cursor });
  if (reason !== selected.reason || cursor !== selected.cursors.at(-1)) return;
  selected.next = page.next;
  show(byId("dead-letters"), deadLetters(page, reason, selected.cursors.length, selected.whole));
}

function showFigures() {
  lastAnswered = now();
  byId("figures").hidden = false;
  byId("key").hidden = true;
  show(byId("notice"));
}

/** Polling failed: the figures shown stay, and the headline says of when they are. */
function failed(error, seconds) {
  if (error instanceof KeyRequired) return showKeyForm();
  if (!(error instanceof Unavailable)) console.error(error); // a mistake of the page's own
  const head = outage(error, lastAnswered);
  showHeadline(head);
  if (lastAnswered === null) show(byId("lead"));
  const notice = h("p", {}, h("strong", {}, `${head.text}.`), prose(` ${head.about ?? error.message} Asking again in ${duration(seconds)}. `));
  show(byId("notice"), notice, h("button", { type: "button", id: "again" }, "Ask now"));
}

function showKeyForm() {
  byId("key").hidden = false;
  showHeadline({ text: "This server asks for a key", spoken: "This server asks for a key.", wrong: false });
  show(byId("key-error"), hasKey() ? "That key was not accepted." : "");
}

/** Run an action of the reader's at once. A bad request is shown at `place`; any other error by polling, which fails the same way. */
async function onDemand(action, place) {
  try {
    await action();
  } catch (error) {
    if (error instanceof BadRequest) show(place, note(error.message));
    else refreshNow();
  }
}

function selectProduct(product) {
  selected.product = Number(product);
  return onDemand(showHistory, byId("history"));
}

/** The data attributes of the nearest element around the event's target that has this one; null where there is none. */
function dataOf(event, name) {
  return event.target.closest(`[data-${name}]`)?.dataset ?? null;
}

byId("subject").addEventListener("change", (event) => {
  selected.subject = event.target.value;
  selected.cursors = [null];
  refreshNow();
});

byId("reasons").addEventListener("click", async (event) => {
  const data = dataOf(event, "code");
  if (!data) return;
  Object.assign(selected, { reason: { code: data.code, field: data.field }, cursors: [null] });
  await onDemand(showDeadLetters, byId("dead-letters"));
  byId("h-dead-letters").focus();
});

byId("dead-letters").addEventListener("click", async (event) => {
  const step = dataOf(event, "step")?.step;
  if (!step) return;
  if (step === "next") selected.cursors.push(selected.next);
  else if (step === "previous") selected.cursors.pop();
  else selected.reason = null;
  await onDemand(showDeadLetters, byId("dead-letters"));
  (step === "close" ? byId("h-reasons") : byId("h-dead-letters")).focus();
});

// The event toggle does not bubble.
byId("dead-letters").addEventListener("toggle", (event) => {
  const id = dataOf(event, "row")?.row;
  if (!id || !event.target.open || selected.whole.has(id)) return;
  onDemand(async () => {
    selected.whole.set(id, await get(`/dead-letters/${encodeURIComponent(id)}`));
    await showDeadLetters();
  }, byId("dead-letters"));
}, true);

byId("top").addEventListener("click", async (event) => {
  const data = dataOf(event, "product");
  if (!data) return;
  await selectProduct(data.product);
  byId("h-history").focus();
});

byId("found").addEventListener("click", (event) => {
  const data = dataOf(event, "product");
  if (data) selectProduct(data.product);
});

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = byId("query").value.trim();
  onDemand(async () => {
    const page = await get("/products", { query, limit: 8 });
    show(byId("found"), searchResults(page, query));
    if (page.items.length === 1) await selectProduct(page.items[0].product_id);
  }, byId("found"));
});

byId("history").addEventListener("change", (event) => {
  if (event.target.id !== "moment") return;
  selected.moment = event.target.value;
  onDemand(showHistory, byId("found"));
});

byId("notice").addEventListener("click", (event) => {
  if (event.target.id === "again") refreshNow();
});

byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(byId("key-text").value);
  byId("key-text").value = "";
  refreshNow();
});

const refreshNow = poll(refresh, failed);
