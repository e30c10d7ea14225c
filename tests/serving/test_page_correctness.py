"""The dashboard is not misled: by the clock of the reader's machine, by answers that come too late, by a target that is missed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.chromium import FOUND, Page, browsing
from support.dashboard_page import grouped, opened, quoted
from support.shop_tables import another_batch, insert

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg2.extensions import connection as Connection
    from support.api_server import Served

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium on this machine")

WRONG_BY_DAYS = """
(() => { const right = Date.now; Date.now = () => right() + %d * 86_400_000; })()
"""
#: Questions about orders wait until they are let go. ``flying``: how many are not answered; ``seen``: all that was ever said.
DELAYED = """
(() => {
  const send = window.fetch;
  const released = new Promise((release) => { window.release = release; });
  window.flying = 0;
  window.fetch = async (address, ...rest) => {
    window.flying += 1;
    try {
      if (String(address).includes("subject=orders")) await released;
      return await send(address, ...rest);
    } finally { window.flying -= 1; }
  };
  window.seen = new Set();
  const look = () => window.seen.add(document.querySelector("#throughput .note").innerText);
  const all = { subtree: true, childList: true, characterData: true };
  new MutationObserver(look).observe(document.getElementById("throughput"), all);
})()
"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Page]:
    """One for each test, as they spoil its clock or its questions."""
    with browsing(tmp_path) as page:
        yield page


def rows_of_an_hour(api: Served, subject: str) -> str:
    """As the page says it."""
    return f"{grouped(sum(one['rows_read'] for one in api.json('/throughput', subject=subject)['items']))}\xa0rows"


@pytest.mark.parametrize("days", [-400, 400])
def test_ages_go_by_the_clock_of_the_server(browser: Page, api: Served, owner: Connection, days: int) -> None:
    another_batch(owner, 800 + days, "products")
    browser.tell("Page.addScriptToEvaluateOnNewDocument", source=WRONG_BY_DAYS % days)
    opened(browser, api.address)
    assert abs(browser.run("Date.now()") / 1000 - datetime.now(UTC).timestamp()) > 399 * 86_400
    assert "newest batch" in browser.text("headline")
    subjects = browser.run("[...document.querySelectorAll('#freshness tbody tr')].map((one) => one.innerText)")
    (old,) = [text for text in subjects if "ecommerce" in text]
    (new,) = [text for text in subjects if "products" in text]
    assert "!" in old
    assert "days" in old
    assert "✓" in new


def test_an_answer_about_a_subject_that_is_no_longer_chosen_is_not_shown(
    browser: Page, api: Served, owner: Connection
) -> None:
    another_batch(owner, 810, "orders", rows_read=7_000, accepted=7_000)
    another_batch(owner, 811, "products", rows_read=3_000, accepted=3_000)
    orders, products = (rows_of_an_hour(api, subject) for subject in ("orders", "products"))
    opened(browser, api.address)
    browser.run(DELAYED)
    browser.set("subject", "orders")
    browser.set("subject", "products")
    browser.wait_for(f"document.querySelector('#throughput .note').innerText.startsWith({quoted(products)})")
    browser.run("release()")
    browser.wait_for("flying === 0")
    browser.set("subject", "products")
    browser.wait_for("flying === 0")
    said = browser.run("[...seen]")
    assert [text for text in said if text.startswith(products)]
    assert [text for text in said if text.startswith(orders)] == []


def test_a_target_that_is_missed_is_said(browser: Page, api: Served, owner: Connection) -> None:
    opened(browser, api.address)
    assert "above the target of 95" in browser.text("lead")
    another_batch(owner, 820, "orders", rows_read=9_000, accepted=0, dead_letter=9_000)
    opened(browser, api.address)
    assert "below the target of 95" in browser.text("lead")


def test_a_subject_that_stands_still_is_said_with_since_when_and_why(
    browser: Page, api: Served, owner: Connection
) -> None:
    now = datetime.now(UTC)
    failing = {"subject": "orders", "query": "refine", "state": "retrying", "since": now, "failures": 7, "step": ""}
    insert(owner, "stream_state", [{**failing, "error": "OSError: no <b>room</b>", "heard_at": now}])
    opened(browser, api.address)
    text = browser.text("freshness")
    assert "orders: refine stands still since" in text
    assert "OSError: no <b>room</b>; it is tried again and again." in text
    assert browser.run("document.querySelector('#freshness b')") is None
