// The page: asks every five seconds while someone looks, shows what has changed, and keeps the last figures when no one answers.

import { Away, KeyNeeded, ask, now, useKey } from "./api.js";
import { books } from "./books.js";
import { h, show } from "./dom.js";
import { clock, grouped, lasting } from "./format.js";
import { headline } from "./headline.js";
import { found, history } from "./history.js";
import { letters, reasons } from "./reasons.js";
import { revenue, top } from "./sales.js";
import { freshness, publishing } from "./standing.js";
import { lateness, throughput, together, validity } from "./trends.js";

const PERIOD = 5_000;
const LONGEST = 60_000;

const chosen = { subject: "", product: null, reason: null, cursors: [null] };
let [wait, timer, answered] = [PERIOD, null, null];
const at = (id) => document.getElementById(id);

async function refresh() {
  const subject = chosen.subject;
  const [status, hours, minutes, why, days, best] = await Promise.all([
    ask("/status"),
    ask("/quality", { hours: 48, subject }),
    ask("/throughput", { minutes: 60, subject }),
    ask("/reasons", { hours: 24, subject }),
    ask("/revenue/daily", { limit: 30 }),
    ask("/products/top", { limit: 8 }),
  ]);
  if (subject !== chosen.subject) return;
  showStatus(status);
  const summed = together(hours.items);
  show(at("throughput"), throughput(minutes.items));
  show(at("validity"), validity(summed, status.targets.validity));
  show(at("lateness"), lateness(summed));
  show(at("reasons"), reasons(why.items));
  show(at("revenue"), revenue(days.items));
  show(at("top"), top(best));
  if (chosen.product === null && best.items.length) chosen.product = best.items[0].product_id;
  await Promise.all([showHistory(), showLetters()]);
}

function showStatus(status) {
  const [said, about, well] = headline(status, now());
  at("headline").className = well ? "" : "not";
  show(at("headline"), said);
  show(at("lead"), about);
  show(at("subject"), h("option", { value: "" }, "all"), status.subjects.map((one) => h("option", { value: one.subject }, one.subject)));
  show(at("books"), books(status, chosen.subject));
  show(at("freshness"), freshness(status, now()));
  show(at("publishing"), publishing(status));
}

async function showHistory() {
  if (chosen.product === null) {
    show(at("history"), h("p", { class: "say" }, "No product is chosen."));
    return;
  }
  const told = await ask(`/products/${chosen.product}/history`);
  show(at("history"), told ? history(told.items, now()) : h("p", { class: "say" }, "This product has no history."));
}

async function showLetters() {
  at("letters-section").hidden = chosen.reason === null;
  if (chosen.reason === null) return;
  const cursor = chosen.cursors.at(-1);
  const page = await ask("/dead-letters", { ...chosen.reason, subject: chosen.subject, limit: 10, cursor });
  chosen.next = page.next;
  show(at("letters"), letters(page, chosen.reason, chosen.cursors.length));
}

/** One round, and the next after a while: five seconds, or longer each time while nobody answers. */
async function round() {
  clearTimeout(timer);
  try {
    await refresh();
    [wait, answered] = [PERIOD, now()];
    at("figures").hidden = false;
    at("key").hidden = true;
    show(at("notice"));
  } catch (error) {
    wait = answered === null && wait === PERIOD ? PERIOD : Math.min(wait * 2, LONGEST);
    tell(error);
  }
  if (!document.hidden) timer = setTimeout(round, wait);
}

function tell(error) {
  if (error instanceof KeyNeeded) {
    at("key").hidden = false;
    show(at("headline"), "This server asks for a key");
    return;
  }
  if (!(error instanceof Away)) console.error(error);
  const since = answered === null ? "" : ` The figures below are those of ${clock(answered)} UTC.`;
  show(at("notice"), h("p", { class: "notice", role: "alert" }, h("strong", {}, "No answer: "), `${error.message}.${since} Asking again in ${lasting(wait / 1000)}.`));
  if (answered === null) show(at("headline"), "Nothing can be shown yet");
}

/** Something that was asked for by hand: at once, and what goes wrong is told in the same way. */
function soon(action) {
  return Promise.resolve(action()).catch(tell);
}

function choose(product) {
  chosen.product = Number(product);
  return soon(showHistory);
}

at("subject").addEventListener("change", (event) => {
  chosen.subject = event.target.value;
  chosen.cursors = [null];
  round();
});

at("reasons").addEventListener("click", (event) => {
  const button = event.target.closest("[data-code]");
  if (!button) return;
  chosen.reason = { code: button.dataset.code, field: button.dataset.field || null };
  chosen.cursors = [null];
  soon(showLetters).then(() => at("h-letters").focus());
});

at("letters").addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]")?.dataset.step;
  if (step === "next" && chosen.next) chosen.cursors.push(chosen.next);
  else if (step === "before" && chosen.cursors.length > 1) chosen.cursors.pop();
  else if (step === "close") chosen.reason = null;
  if (step) soon(showLetters);
});

at("top").addEventListener("click", (event) => {
  const button = event.target.closest("[data-product]");
  if (button) choose(button.dataset.product).then(() => at("h-history").scrollIntoView({ block: "start" }));
});

at("found").addEventListener("click", (event) => {
  const button = event.target.closest("[data-product]");
  if (button) choose(button.dataset.product);
});

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = at("query").value.trim();
  soon(async () => {
    const told = await ask("/products", { query, limit: 8 });
    show(at("found"), found(told.items, query));
    if (told.items.length === 1) await choose(told.items[0].product_id);
  });
});

at("history").addEventListener("change", (event) => {
  if (event.target.id !== "moment" || !event.target.value) return;
  soon(async () => {
    const told = await ask(`/products/${event.target.dataset.product}/price`, { at: `${event.target.value}Z` });
    show(at("price"), told ? `was ${grouped(told.price)}` : "– it was not there then");
  });
});

at("key").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(at("key-text").value);
  at("key-text").value = "";
  round();
});

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) round();
});

round();
