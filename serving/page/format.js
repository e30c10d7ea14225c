// Formats figures and times. Counts and money are grouped as text, digit for digit: nothing here rounds them.

import { h } from "./dom.js";

export const DASH = "–";
const MINUS = "−";
const SPACE = "\u00a0";
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 20015 → 20,015 and "-1234567.30" → −1,234,567.30. A decimal comes as text and keeps each of its digits. */
export function grouped(value) {
  if (value === null || value === undefined) return DASH;
  const found = /^(-?)(\d+)(\.\d+)?$/.exec(String(value));
  if (!found) return String(value);
  const [, sign, whole, rest = ""] = found;
  return `${sign ? MINUS : ""}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${rest}`;
}

/** "1 batch", "2,000 batches". */
export function counted(count, one, many = `${one}s`) {
  return `${grouped(count)}${SPACE}${Number(count) === 1 ? one : many}`;
}

/** A share of one in percent. All is only ever all, and none is none: 0.99996 is 99.99 %, not 100 %. */
export function percent(share, places = 1) {
  if (share === null || share === undefined) return DASH;
  const hundred = Number(share) * 100;
  const rounded = hundred.toFixed(places);
  const least = (10 ** -places).toFixed(places);
  if (hundred > 0 && Number(rounded) === 0) return `<${SPACE}${least}${SPACE}%`;
  if (hundred < 100 && Number(rounded) >= 100) return `>${SPACE}${(100 - Number(least)).toFixed(places)}${SPACE}%`;
  return `${grouped(rounded)}${SPACE}%`;
}

/** A duration: 0.8 s, 12 s, 3 min, 2 h 5 min, 4 days. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH;
  const whole = Math.max(0, Math.round(seconds));
  if (seconds < 10 && seconds > 0) return `${Math.max(0.1, seconds).toFixed(1)}${SPACE}s`;
  if (whole < 60) return `${whole}${SPACE}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${SPACE}min`;
  if (whole < 172800) return `${Math.floor(whole / 3600)}${SPACE}h ${Math.floor((whole % 3600) / 60)}${SPACE}min`;
  return `${grouped(Math.floor(whole / 86400))}${SPACE}days`;
}

/** Seconds from an ISO time to now, in milliseconds. */
export function since(moment, now) {
  return Math.max(0, (now - Date.parse(moment)) / 1000);
}

/** How long ago, in whole units: 8 s ago. */
export function ago(seconds) {
  return seconds < 10 ? `${Math.round(seconds)}${SPACE}s ago` : `${duration(seconds)} ago`;
}

function two(number) {
  return String(number).padStart(2, "0");
}

/** 12:03:05 of an ISO time or a Date, in UTC. */
export function clock(moment, seconds = true) {
  const at = new Date(moment);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}${seconds ? `:${two(at.getUTCSeconds())}` : ""}`;
}

/** 4 Feb 2026 of an ISO time or date, in UTC. */
export function day(moment, year = true) {
  const at = new Date(moment);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}${year ? ` ${at.getUTCFullYear()}` : ""}`;
}

/** Wed 4 Feb. */
export function weekday(date) {
  return `${WEEKDAYS[new Date(date).getUTCDay()]} ${day(date, false)}`;
}

export function isWeekend(date) {
  return [0, 6].includes(new Date(date).getUTCDay());
}

/** A moment for people, with its ISO form as title: 26 Nov 2026, 12:03:05. All of the page is in UTC. */
export function time(moment) {
  if (!moment) return DASH;
  const iso = new Date(moment).toISOString();
  return h("time", { datetime: iso, title: iso }, `${day(moment)}, ${clock(moment)}`);
}
