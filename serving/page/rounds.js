// When to ask: every five seconds while someone looks, less and less often while nobody answers, not at all in a hidden tab.

const PERIOD = 5_000;
const LONGEST = 60_000;

/**
 * Rounds of `action`, which is told how to find out whether a newer round has begun; `failed` hears of an error and the seconds until
 * the next round. What is given back begins a round at once, in place of the one that was to come.
 */
export function rounds(action, failed) {
  let [turn, wait, timer] = [0, PERIOD, null];

  async function round() {
    const mine = ++turn;
    const isOld = () => mine !== turn;
    clearTimeout(timer);
    try {
      await action(isOld);
      if (!isOld()) wait = PERIOD;
    } catch (error) {
      if (isOld()) return;
      wait = Math.min(wait * 2, LONGEST);
      failed(error, wait / 1000);
    }
    if (!isOld() && !document.hidden) timer = setTimeout(round, wait);
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) round();
  });
  round();
  return round;
}
