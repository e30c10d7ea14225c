// Polling: every five seconds while the page is visible, with growing pauses while requests fail, not at all in a hidden tab.

const INTERVAL = 5_000;
const MAX_INTERVAL = 60_000;

/**
 * Calls `action` again and again; it gets a function that returns true once a newer call has begun. `failed` is called with an error
 * and the seconds until the next call. Returns a function that makes the next call at once.
 */
export function poll(action, failed) {
  let [newest, wait, timer] = [0, INTERVAL, null];

  async function run() {
    const number = ++newest;
    const isOld = () => number !== newest;
    clearTimeout(timer);
    try {
      await action(isOld);
      if (!isOld()) wait = INTERVAL;
    } catch (error) {
      if (isOld()) return;
      wait = Math.min(wait * 2, MAX_INTERVAL);
      failed(error, wait / 1000);
    }
    if (!isOld() && !document.hidden) timer = setTimeout(run, wait);
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) run();
  });
  run();
  return run;
}
