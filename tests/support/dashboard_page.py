"""What tests of the dashboard share: a clock that they can hurry, and measures of what can be read."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.chromium import Page, browsing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READY = "!document.getElementById('figures').hidden && document.querySelector('#history svg') !== null"
#: Waits are as much shorter as told, and what was waited for is kept: ``clock.waits``, ``pending``, and ``flying`` questions.
CLOCK = """
(() => {
  const [later, never, asked] = [window.setTimeout, window.clearTimeout, window.fetch];
  const clock = window.clock = { waits: [], pending: new Set(), flying: 0 };
  window.setTimeout = (action, wait) => {
    clock.waits.push(wait);
    const timer = later(() => { clock.pending.delete(timer); action(); }, wait / %d);
    clock.pending.add(timer);
    return timer;
  };
  window.clearTimeout = (timer) => { clock.pending.delete(timer); never(timer); };
  window.fetch = async (...all) => {
    clock.flying += 1;
    try { return await asked(...all); } finally { clock.flying -= 1; }
  };
})()
"""
#: Measures of contrast (WCAG 2.2, 1.4.3 and 1.4.11), from the computed styles.
_CONTRAST = """
const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
const linear = (one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
const behind = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const [r, g, b, a = 1] = parse(getComputedStyle(one).backgroundColor);
    if (a > 0) return [r, g, b];
  }
  return [255, 255, 255];
};
const contrast = (ink, element) => {
  const [less, more] = [light(parse(ink)), light(behind(element))].sort((one, other) => one - other);
  return (more + 0.05) / (less + 0.05);
};
const weak = (elements, ink, least) => [...elements]
  .map((one) => [contrast(ink(one), one), one.outerHTML.slice(0, 80)])
  .filter(([found]) => !(found >= least));
const seen = (one) => one.getClientRects().length > 0;
"""
#: The texts that are too weak for what is behind them.
WEAK_TEXTS = f"""
(() => {{
  {_CONTRAST}
  const shown = (one) => seen(one) && !one.closest("title, option, .visually-hidden, .skip, button:disabled");
  const own = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const texts = [...document.querySelectorAll("body *")].filter((one) => own(one) && shown(one));
  const ink = (one) => getComputedStyle(one)[one instanceof SVGElement ? "fill" : "color"];
  return [texts.length, weak(texts, ink, 4.5)];
}})()
"""
#: The marks and edges that are too weak. The broad bands of the flow are left out: their ends say the same.
WEAK_MARKS = f"""
(() => {{
  {_CONTRAST}
  const marks = document.querySelectorAll("main .node, main .point, main .below, main .fill, main .column:not(.weekend), .over");
  const lines = document.querySelectorAll("main .mean, main .step, main line.target");
  const edges = [...document.querySelectorAll("main input, main select, main button:not(.link, :disabled)")].filter(seen);
  return [marks.length, lines.length, edges.length, [
    ...weak(marks, (one) => getComputedStyle(one).fill, 3),
    ...weak(lines, (one) => getComputedStyle(one).stroke, 3),
    ...weak(edges, (one) => getComputedStyle(one).borderTopColor, 3),
  ]];
}})()
"""


@contextmanager
def hurried(folder: Path, times: int) -> Iterator[Page]:
    """A browser in whose pages waits are that many times shorter."""
    with browsing(folder) as page:
        page.tell("Page.addScriptToEvaluateOnNewDocument", source=CLOCK % times)
        yield page


def opened(page: Page, address: str) -> Page:
    """The dashboard there, once it shows everything."""
    page.asked.clear()
    page.complaints.clear()
    page.prefer()
    page.size(1180)
    page.open(f"{address}/")
    page.wait_for(READY)
    return page


def places(page: Page) -> list[float]:
    """How far down each section begins."""
    found = page.run(
        "[...document.querySelectorAll('section:not([hidden])')].map((one) => one.getBoundingClientRect().top + scrollY)"
    )
    assert len(found) > 5
    return list(map(float, found))


def grouped(number: int) -> str:
    """As the page writes it."""
    return f"{number:,}"


def quoted(text: str) -> str:
    """As JavaScript writes it."""
    return json.dumps(text)
