// Asking the API. An answer that has not changed is not sent again: each address keeps its last one with its ETag.

const API = "/api/v1";
const KEY = "tallylake-api-key";
const PATIENCE = 10_000;
const KEPT = 64;

/** The server or its database cannot be asked now. */
export class Away extends Error {}
/** The server wants an API key. */
export class KeyNeeded extends Error {}

const kept = new Map();
let ahead = 0;

/** The server's clock, by the date of its last answer: how old something is must not hang on this machine's clock. */
export function now() {
  return Date.now() + ahead;
}

/** Keep a key for this tab. */
export function useKey(text) {
  sessionStorage.setItem(KEY, text);
}

/** The answer to a question; null where there is no such thing. Away or KeyNeeded where there is no answer now. */
export async function ask(path, params = {}) {
  const chosen = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const address = `${API}${path}?${new URLSearchParams(chosen)}`;
  const known = kept.get(address);
  const answer = await fetched(address, known);
  if (answer.status === 304) return known.data;
  if (answer.status === 401) throw new KeyNeeded("an API key is needed");
  const data = await answer.json().catch(() => ({ error: "the server's answer cannot be read" }));
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Away(data.error);
  keep(address, { etag: answer.headers.get("etag"), data });
  return data;
}

async function fetched(address, known) {
  const headers = {};
  if (known?.etag) headers["If-None-Match"] = known.etag;
  const key = sessionStorage.getItem(KEY);
  if (key) headers["X-API-Key"] = key;
  try {
    const answer = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    const date = Date.parse(answer.headers.get("date") ?? "");
    if (date) ahead = date - Date.now();
    return answer;
  } catch {
    throw new Away("the server does not answer");
  }
}

function keep(address, answer) {
  kept.delete(address);
  kept.set(address, answer);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
}
