// Scales with round ticks. Numbers here are for drawing only, never for reading.

const UNITS = [[1e12, "T"], [1e9, "bn"], [1e6, "M"], [1e3, "k"]];

/** A scale from `low` (by default 0) to a round tick that holds all values, in at most `steps` steps of 1, 2 or 5. */
export function scaleOver(values, { steps = 3, least = 1, low = 0, high = null } = {}) {
  const top = high ?? Math.max(least, ...values.filter((value) => value !== null));
  const step = roundStep((top - low) / steps, least);
  const count = Math.max(1, Math.ceil((top - low) / step - 1e-9));
  const ticks = Array.from({ length: count + 1 }, (_, number) => low + step * number);
  const span = ticks.at(-1) - low;
  return { ticks, step, share: (value) => (value - low) / span };
}

/** A scale about values that lie close together: it need not begin at zero. One value alone stands between two ticks. */
export function scaleAround(values, { steps = 3, least = 0.01 } = {}) {
  const [bottom, top] = [Math.min(...values), Math.max(...values)];
  const spread = Math.max((top - bottom) * 1.2, top / 5, least);
  const step = roundStep(spread / steps, least);
  const low = Math.max(0, Math.floor((bottom - step / 4) / step) * step);
  return scaleOver(values, { steps: Math.ceil((top + step / 4 - low) / step), least: step, low, high: top + step / 4 });
}

function roundStep(rough, least) {
  if (rough <= least) return least;
  const power = 10 ** Math.floor(Math.log10(rough));
  return Math.max(least, [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * (1 - 1e-9)));
}

/** A tick in few letters: 500, 15k, 2.5M. All ticks of a scale have one unit and the places that its step needs. */
export function short(value, scale) {
  const high = scale.ticks.at(-1);
  const [size, unit] = UNITS.find(([one]) => high >= (one > 1_000 ? one : 10 * one)) ?? [1, ""];
  return value ? `${(value / size).toFixed(places(scale.step / size)).replace(/\B(?=(\d{3})+$)/g, ",")}${unit}` : "0";
}

/** A tick of a share in percent. */
export function shortShare(value, scale) {
  return `${(value * 100).toFixed(places(scale.step * 100))}%`;
}

function places(step) {
  return Math.min(4, (String(Number(step.toPrecision(6))).split(".")[1] ?? "").length);
}
