// Asking the API. An answer that has not changed is not sent again: each address keeps its last one with its ETag.

const API = "/api/v1";
const KEY = "tallylake-api-key";
const PATIENCE = 10_000;
const ROUND = 1_000;
const KEPT = 64;

/** The server or its database cannot be asked now. `database`: what the server says of it, "away" or "empty"; null where it says nothing. */
export class Away extends Error {
  constructor(sentence, database = null) {
    super(sentence);
    this.database = database;
  }
}
/** The server wants an API key, or another one. */
export class KeyNeeded extends Error {}
/** The question is not one that the server answers. */
export class Refused extends Error {}

const kept = new Map();
let ahead = 0;
let readiness = null;

/** The server's clock, by the date of its last answer: how old something is must not hang on this machine's clock. */
export function now() {
  return Date.now() + ahead;
}

/** Keep a key for this tab. */
export function useKey(text) {
  sessionStorage.setItem(KEY, text);
}

/** Whether a key was given in this tab. */
export function hasKey() {
  return sessionStorage.getItem(KEY) !== null;
}

/** The answer to a question; null where there is no such thing. Away, KeyNeeded or Refused where there is no answer. */
export async function ask(path, params = {}) {
  const chosen = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const address = `${API}${path}?${new URLSearchParams(chosen)}`;
  const known = kept.get(address);
  const answer = await fetched(address, known);
  if (answer.status === 404) return null;
  if (answer.status !== 304 && !answer.ok) await refuse(answer);
  const data = answer.status === 304 ? known.data : await read(answer);
  keep(address, { etag: answer.headers.get("etag") ?? known?.etag, data });
  return data;
}

async function fetched(address, known) {
  const headers = {};
  if (known?.etag) headers["If-None-Match"] = known.etag;
  if (hasKey()) headers["X-API-Key"] = sessionStorage.getItem(KEY);
  try {
    const answer = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    const date = Date.parse(answer.headers.get("date") ?? "");
    if (date) ahead = date - Date.now();
    return answer;
  } catch {
    throw new Away("It may be starting, or it was stopped.");
  }
}

async function refuse(answer) {
  if (answer.status === 401) throw new KeyNeeded("an API key is needed");
  const { error } = await read(answer);
  const sentence = `${error.charAt(0).toUpperCase()}${error.slice(1)}.`;
  if (answer.status < 500) throw new Refused(sentence);
  throw new Away(sentence, await databaseState());
}

async function read(answer) {
  try {
    return await answer.json();
  } catch {
    throw new Away("Its answer cannot be read.");
  }
}

/** Asked once, however many questions of a round find no answer. */
function databaseState() {
  readiness ??= readyState().finally(() => setTimeout(() => (readiness = null), ROUND));
  return readiness;
}

async function readyState() {
  try {
    const { database } = await (await fetch("/ready", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) })).json();
    return database;
  } catch {
    return null;
  }
}

/** The newest last, so that what has not been asked for longest is the first to go. */
function keep(address, answer) {
  kept.delete(address);
  kept.set(address, answer);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
}
