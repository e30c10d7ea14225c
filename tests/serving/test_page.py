"""The dashboard in a real browser, over the real API and a real Postgres."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from chromium import FOUND, Page, browsing
from served import served
from shop_tables import books, fill, insert, move_on

from config.forms import Secret
from config.postgres import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres_servers import Debian, Server
    from psycopg2.extensions import connection as Connection
    from served import Served

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium on this machine")

KEY = "0123456789abcdef-secret"
READY = "!document.getElementById('figures').hidden && document.querySelector('#history svg') !== null"
#: The contrast of every text with what is behind it (WCAG 2.2, 1.4.3), the least of each kind of text.
CONTRAST = """
(() => {
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
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.getClientRects().length || element.closest("title, option, .unseen, .skip, button:disabled")) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [less, more] = [light(parse(ink)), light(behind(element))].sort((one, other) => one - other);
    found.push([(more + 0.05) / (less + 0.05), element.tagName, element.textContent.slice(0, 40)]);
  }
  return found.filter(([contrast]) => contrast < 4.5);
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page, api: Served) -> Page:
    """The dashboard, once it shows everything."""
    browser.asked.clear()
    browser.complaints.clear()
    browser.prefer()
    browser.size(1180)
    browser.open(f"{api.address}/")
    browser.wait_for(READY)
    return browser


def grouped(number: int) -> str:
    return f"{number:,}"


def test_it_shows_the_figures_of_the_api_without_a_complaint_and_asks_no_one_else(page: Page, api: Served) -> None:
    totals = api.json("/status")["totals"]
    said = page.text("books")
    for name in ("rows_read", "accepted", "duplicate", "dead_letter"):
        assert grouped(totals[name]) in said
    assert f"All {grouped(totals['rows_read'])} rows" in page.text("headline") or "Every row" in page.text("headline")
    best = api.json("/products/top", limit=8)["items"]
    assert all(row["product_name"] in page.text("top") for row in best)
    assert api.json("/revenue/daily", limit=1)["items"][0]["gmv"].split(".")[0] in page.text("revenue").replace(",", "")
    assert all(row["subject"] in page.text("freshness") for row in api.json("/status")["subjects"])
    assert page.complaints == []
    assert {re.match(r"https?://[^/]+", url)[0] for url in page.asked if url.startswith("http")} == {api.address}  # type: ignore[index]


def test_texts_are_never_taken_for_markup(page: Page) -> None:
    assert "<b>B</b>" in page.text("top")
    assert page.run("document.querySelector('#top tbody b')") is None


def test_the_subject_that_is_chosen_is_shown(page: Page, api: Served) -> None:
    page.set("subject", "orders")
    (own,) = [one for one in api.json("/status")["subjects"] if one["subject"] == "orders"]
    page.wait_for(f"document.getElementById('books').innerText.startsWith('{grouped(own['rows_read'])} read')")
    assert page.run("document.getElementById('subject').value") == "orders"


def test_a_reason_leads_to_its_rows_a_page_at_a_time(page: Page, api: Served) -> None:
    page.run("document.querySelector('#reasons button').click()")
    page.wait_for("document.querySelectorAll('#letters .letters > li').length > 0")
    asked = page.run("({...document.querySelector('#reasons button').dataset})")
    wanted = api.json("/dead-letters", limit=500, **asked)["items"]
    assert page.run("document.querySelectorAll('#letters .letters > li').length") == min(10, len(wanted))
    assert page.run("document.activeElement.id") == "h-letters"
    page.run("document.querySelector('#letters [data-step=next]').click()")
    page.wait_for("document.getElementById('letters').innerText.includes('page 2')")
    page.run("document.querySelector('#letters [data-step=close]').click()")
    page.wait_for("document.getElementById('letters-section').hidden")


def test_a_product_is_found_and_its_price_at_a_moment_told(page: Page, api: Served) -> None:
    page.set("query", "7")
    page.click("#search button")
    page.wait_for("document.querySelector('#found [data-product=\"7\"]') !== null")
    page.click('#found [data-product="7"]')
    versions = api.json("/products/7/history")["items"]
    page.wait_for("document.getElementById('history').innerText.includes('(7)')")
    assert page.run("document.querySelectorAll('#history tbody tr').length") == len(versions)
    at = (datetime.fromisoformat(versions[1]["valid_from"]) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    page.set("moment", at)
    page.wait_for(f"document.getElementById('price').innerText.replace(',', '').includes('{versions[1]['price']}')")


def test_a_new_batch_comes_up_by_itself_and_what_is_open_stays_open(page: Page, api: Served, owner: Connection) -> None:
    before = api.json("/status")["totals"]["rows_read"]
    page.run("document.querySelector('#books details').open = true")
    page.set("query", "half a")
    page.run("document.getElementById('query').focus()")
    insert(owner, "data_quality_metrics", [books(700, started_at=datetime.now(UTC))])
    move_on(owner)
    page.wait_for(f"document.getElementById('books').innerText.includes('{grouped(before + 100)} read')")
    assert page.run("document.querySelector('#books details').open") is True
    assert page.run("[document.activeElement.id, document.getElementById('query').value]") == ["query", "half a"]
    assert page.text("headline").startswith("All ")


def test_what_has_not_changed_is_not_sent_again(page: Page) -> None:
    seen = len(page.asked)
    page.wait_for(
        "performance.getEntriesByType('resource').filter((one) => one.name.includes('/api/v1/status')).length >= 2"
    )
    assert len(page.asked) > seen
    assert (
        page.run(
            "performance.getEntriesByType('resource').filter((one) => one.name.includes('/status')).at(-1).responseStatus"
        )
        == 304
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(page: Page, scheme: str) -> None:
    page.prefer(color_scheme=scheme)
    assert page.run(CONTRAST) == []


@pytest.mark.parametrize("width", [360, 768, 1180])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.size(width)
    assert page.run("document.documentElement.scrollWidth") <= width


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    assert page.run("document.documentElement.lang") == "en"
    assert page.run("document.querySelectorAll('main').length") == 1
    assert page.run(
        "[...document.querySelectorAll('h1, h2')].every((one) => one.closest('[hidden]') || one.innerText.trim())"
    )
    assert page.run(
        "[...document.querySelectorAll('section')].every((one) => document.getElementById(one.getAttribute('aria-labelledby')))"
    )
    assert page.run(
        "[...document.querySelectorAll('svg[role=img]')].every((one) => one.getAttribute('aria-label').length > 20)"
    )
    assert page.run("[...document.querySelectorAll('input, select')].every((one) => one.labels.length > 0)")
    assert page.run("[...document.querySelectorAll('[aria-live]')].map((one) => one.id)") == ["headline"]
    assert page.run("[...document.querySelectorAll('table')].every((one) => one.querySelector('thead th[scope=col]'))")
    assert page.run("[...document.querySelectorAll('tbody tr')].every((one) => one.querySelector('th[scope=row]'))")


def test_a_picture_of_it_is_no_blank_page(page: Page) -> None:
    picture = base64.b64decode(page.tell("Page.captureScreenshot", format="png")["data"])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


def test_the_last_figures_stay_when_the_database_is_away_and_go_on_when_it_is_back(
    browser: Page, debian: Debian, tmp_path: Path
) -> None:
    owner = connect(debian.database, "owner", application="tests")
    fill(owner, tmp_path, batches=2)
    owner.close()
    with served(debian.database) as api:
        browser.open(f"{api.address}/")
        browser.wait_for(READY)
        before = browser.text("books")
        debian.kill()
        browser.wait_for("document.getElementById('notice').innerText.includes('No answer')")
        assert "Asking again in" in browser.text("notice")
        assert browser.text("books") == before
        debian.start()
        browser.wait_for("document.getElementById('notice').innerText === ''")
    browser.open("about:blank")


def test_with_a_key_it_asks_for_it_and_keeps_it_for_the_tab(
    browser: Page, shared_server: Server, tmp_path: Path
) -> None:
    database = replace(shared_server.database, name="keyed_page")
    owner = connect(database, "owner", application="tests")
    fill(owner, tmp_path, batches=2)
    owner.close()
    with served(database, api_key=Secret(KEY)) as api:
        browser.open(f"{api.address}/")
        browser.wait_for("!document.getElementById('key').hidden")
        browser.run(
            f"document.getElementById('key-text').value = '{KEY}'; document.querySelector('#key button').click()"
        )
        browser.wait_for(READY)
        assert browser.run("document.getElementById('key').hidden") is True
        assert browser.run(f"document.documentElement.outerHTML.includes('{KEY}')") is False
    browser.open("about:blank")


def test_an_empty_lake_says_what_to_run(browser: Page, shared_server: Server) -> None:
    with served(replace(shared_server.database, name="nothing_yet")) as api:
        browser.open(f"{api.address}/")
        browser.wait_for("document.getElementById('notice').innerText.includes('tally stream')")
    browser.open("about:blank")
