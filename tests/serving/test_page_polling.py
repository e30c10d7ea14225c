"""When the dashboard asks, on its own clock: often while someone looks, seldom while nobody answers, never in a hidden tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.chromium import FOUND, Page, browsing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.api_server import Served

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium on this machine")

SHOWN = "!document.getElementById('figures').hidden && document.querySelector('#history svg') !== null"
HIDE = "Object.defineProperty(document, 'hidden', { value: true, configurable: true })"
TURNED = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def page(api: Served, tmp_path: Path) -> Iterator[Page]:
    """The dashboard in a browser of its own: once its clock was moved on, it does not run by itself again."""
    with browsing(tmp_path) as page:
        page.size(1180)
        page.open(f"{api.address}/")
        page.wait_for(SHOWN)
        yield page


def requests_in(page: Page, seconds: int, *, first: str = "0") -> int:
    """Return how often the status is requested in so many seconds of the page's clock, after running the script `first`."""
    page.asked.clear()
    page.run(first)
    page.pass_time(seconds)
    return sum("/api/v1/status" in address for address in page.asked)


def cut_off(page: Page, offline: bool) -> None:
    page.tell(
        "Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )


def test_it_asks_about_every_five_seconds(page: Page) -> None:
    assert 11 <= requests_in(page, 60) <= 12


def test_it_asks_nothing_in_a_hidden_tab_and_at_once_when_it_is_looked_at_again(page: Page) -> None:
    assert requests_in(page, 600, first=f"{HIDE}; {TURNED}") == 0
    assert requests_in(page, 1, first=f"delete document.hidden; {TURNED}") == 1


def test_a_tab_that_is_hidden_while_it_asks_does_not_go_on(page: Page) -> None:
    ask = "document.getElementById('subject').dispatchEvent(new Event('change', { bubbles: true }))"
    assert requests_in(page, 600, first=f"{ask}; {HIDE}") == 1


def test_it_asks_less_and_less_often_while_nobody_answers_but_once_a_minute_at_least(page: Page) -> None:
    cut_off(page, offline=True)
    assert 3 <= requests_in(page, 60) <= 4
    assert 9 <= requests_in(page, 600) <= 11


def test_what_was_shown_stays_while_nobody_answers_and_says_so(page: Page) -> None:
    figures = page.text("figures")
    cut_off(page, offline=True)
    page.pass_time(60)
    assert page.text("figures") == figures
    assert "does not answer" in page.text("notice")


def test_it_asks_often_again_once_it_is_answered(page: Page) -> None:
    cut_off(page, offline=True)
    page.pass_time(600)
    cut_off(page, offline=False)
    page.pass_time(61)
    assert page.text("notice") == ""
    assert 11 <= requests_in(page, 60) <= 12
