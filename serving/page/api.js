// Requests to the API. The last answer of each URL is kept with its ETag, so that one that has not changed is not sent again.

const API = "/api/v1";
const KEY = "tallylake-api-key";
const TIMEOUT = 10_000;
const READINESS_LIFETIME = 1_000;
const CACHE_SIZE = 64;

/** The server or its database is unavailable. `database`: its state from /ready, "away" or "empty"; null where that is unknown. */
export class Unavailable extends Error {
  constructor(sentence, database = null) {
    super(sentence);
    this.database = database;
  }
}
/** The server requires an API key, or another one. */
export class KeyRequired extends Error {}
/** The request is not one that the server answers. */
export class BadRequest extends Error {}

const cache = new Map();
let clockOffset = 0;
let readiness = null;

/** The server's clock, by the Date of its last answer: ages must not depend on this machine's clock. */
export function now() {
  return Date.now() + clockOffset;
}

/** Keep a key for this tab. */
export function useKey(text) {
  sessionStorage.setItem(KEY, text);
}

/** True if a key was entered in this tab. */
export function hasKey() {
  return sessionStorage.getItem(KEY) !== null;
}

/** The JSON of a path; null on 404. Throws Unavailable, KeyRequired or BadRequest. */
export async function get(path, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const url = `${API}${path}?${new URLSearchParams(given)}`;
  const cached = cache.get(url);
  const response = await send(url, cached);
  if (response.status === 404) return null;
  if (response.status !== 304 && !response.ok) await throwError(response);
  const data = response.status === 304 ? cached.data : await read(response);
  store(url, { etag: response.headers.get("etag") ?? cached?.etag, data });
  return data;
}

async function send(url, cached) {
  const headers = {};
  if (cached?.etag) headers["If-None-Match"] = cached.etag;
  if (hasKey()) headers["X-API-Key"] = sessionStorage.getItem(KEY);
  try {
    const response = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
    const date = Date.parse(response.headers.get("date") ?? "");
    if (date) clockOffset = date - Date.now();
    return response;
  } catch {
    throw new Unavailable("It may be starting, or it was stopped.");
  }
}

async function throwError(response) {
  if (response.status === 401) throw new KeyRequired("an API key is needed");
  const { error } = await read(response);
  const sentence = `${error.charAt(0).toUpperCase()}${error.slice(1)}.`;
  if (response.status < 500) throw new BadRequest(sentence);
  throw new Unavailable(sentence, await databaseState());
}

async function read(response) {
  try {
    return await response.json();
  } catch {
    throw new Unavailable("Its answer cannot be read.");
  }
}

/** Requested once for all requests that fail at the same time. */
function databaseState() {
  readiness ??= fetchDatabaseState().finally(() => setTimeout(() => (readiness = null), READINESS_LIFETIME));
  return readiness;
}

async function fetchDatabaseState() {
  try {
    const { database } = await (await fetch("/ready", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) })).json();
    return database;
  } catch {
    return null;
  }
}

/** Keep an answer as the newest, and drop the one that was not requested for longest. */
function store(url, answer) {
  cache.delete(url);
  cache.set(url, answer);
  if (cache.size > CACHE_SIZE) cache.delete(cache.keys().next().value);
}
