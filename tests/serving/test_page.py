"""The dashboard in a real browser, over the real API and a real Postgres: what it shows, and what a reader can do with it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.chromium import FOUND, Page, browsing
from support.dashboard_page import grouped, opened, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.api_server import Served

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page, api: Served) -> Page:
    return opened(browser, api.address)


def test_it_has_no_complaint_and_asks_no_other_host(page: Page, api: Served) -> None:
    assert page.complaints == []
    assert {re.match(r"https?://[^/]+", url)[0] for url in page.asked if url.startswith("http")} == {api.address}  # type: ignore[index]


def test_the_books_are_those_of_the_api_and_drawn_to_scale(page: Page, api: Served) -> None:
    totals = api.json("/status")["totals"]
    said = page.text("books")
    for name in ("rows_read", "accepted", "late", "duplicate", "dead_letter", "unaccounted"):
        assert grouped(totals[name]) in said
    high = {
        kind: page.run(f"Number(document.querySelector('#books .end.{kind}').getAttribute('height'))")
        for kind in ("accepted", "late", "dead-letter")
    }
    # The end called accepted is its part on time; the late ones lie against it.
    on_time = totals["accepted"] - totals["late"]
    assert high["late"] / high["accepted"] == pytest.approx(totals["late"] / on_time)
    assert high["dead-letter"] / high["accepted"] == pytest.approx(totals["dead_letter"] / on_time)


def test_the_headline_says_what_matters_first(page: Page, api: Served) -> None:
    totals = api.json("/status")["totals"]
    assert page.text("headline").startswith(f"All {grouped(totals['rows_read'])} rows accounted for")
    assert re.search(r"nothing new for [\d,]+\sdays$", page.text("headline"))
    assert f"{100 * totals['validity']:.1f} % of all rows were valid" in page.text("lead").replace("\xa0", " ")
    assert page.run("document.title").startswith("All ")


def test_every_hour_has_its_point_and_those_below_the_target_another_shape(page: Page, api: Served) -> None:
    hours: dict[str, list[int]] = {}
    for one in api.json("/quality", hours=48)["items"]:
        read, refused = hours.get(one["hour"], [0, 0])
        hours[one["hour"]] = [read + one["rows_read"], refused + one["dead_letter"]]
    target = api.json("/status")["targets"]["validity"]
    below = sum(1 - refused / read < target for read, refused in hours.values())
    assert 0 < below < len(hours)
    assert page.run("document.querySelectorAll('#validity .chart .marker > .below').length") == below
    assert page.run("document.querySelectorAll('#validity .chart circle.point').length") == len(hours) - below
    assert page.run("document.querySelectorAll('#validity .chart .target').length") == 1


def test_the_other_sections_show_what_the_api_says(page: Page, api: Served) -> None:
    best = api.json("/products/top", limit=8)["items"]
    assert all(row["product_name"] in page.text("top") for row in best)
    newest = api.json("/revenue/daily", limit=1)["items"][0]
    assert newest["gmv"] in page.text("revenue").replace(",", "")
    status = api.json("/status")
    assert all(row["subject"] in page.text("freshness") for row in status["subjects"])
    reasons = api.json("/reasons")["items"]
    assert all(grouped(row["rows"]) in page.text("reasons") for row in reasons)
    read = sum(one["rows_read"] for one in api.json("/throughput")["items"])
    assert page.text("throughput").replace("\xa0", " ").startswith(f"{grouped(read)} rows in the 60 minutes")
    page.run("document.querySelector('#publishing details').open = true")
    assert all(one["table"] in page.text("publishing") for one in status["tables"])


def test_texts_are_never_taken_for_markup(page: Page) -> None:
    assert "<b>B</b>" in page.text("top")
    assert page.run("document.querySelector('#top tbody b')") is None


def test_the_subject_that_is_chosen_is_shown(page: Page, api: Served) -> None:
    page.set("subject", "orders")
    (own,) = [one for one in api.json("/status")["subjects"] if one["subject"] == "orders"]
    page.wait_for(f"document.getElementById('books').innerText.startsWith('{grouped(own['rows_read'])} read')")
    assert page.run("document.getElementById('subject').value") == "orders"


def test_a_reason_leads_to_its_rows_a_page_at_a_time(page: Page, api: Served) -> None:
    page.click("#reasons button")
    page.wait_for("document.querySelectorAll('#dead-letters .dead-letters > li').length > 0")
    reason = page.run("({...document.querySelector('#reasons button').dataset})")
    wanted = api.json("/dead-letters", limit=500, **reason)["items"]
    assert len(wanted) > 20
    rows = "[...document.querySelectorAll('#dead-letters .dead-letters > li')].map((one) => one.dataset.key)"
    assert page.run(rows) == [one["row_id"] for one in wanted[:10]]
    page.click("#dead-letters [data-step=next]")
    page.wait_for("document.getElementById('dead-letters').innerText.includes('page 2')")
    assert page.run(rows) == [one["row_id"] for one in wanted[10:20]]
    page.click("#dead-letters [data-step=previous]")
    page.wait_for("document.getElementById('dead-letters').innerText.includes('page 1')")
    page.click("#dead-letters [data-step=close]")
    page.wait_for("document.getElementById('dead-letters-section').hidden")


def test_a_dead_letter_is_shown_as_it_came(page: Page, api: Served) -> None:
    page.click("#reasons [data-code=bad_type]")
    page.wait_for("document.querySelector('#dead-letters details') !== null")
    page.click("#dead-letters summary")
    page.wait_for("document.querySelector('#dead-letters .original') !== null")
    row_id = page.run("document.querySelector('#dead-letters details').dataset.row")
    whole = api.json(f"/dead-letters/{row_id}")
    assert page.run("document.querySelector('#dead-letters .original dd').innerText") == whole["payload"]["price"]


def test_the_keyboard_is_enough(page: Page) -> None:
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    page.press("Enter", "\r")
    page.wait_for("document.activeElement.id === 'figures'")
    for _ in range(20):
        page.press("Tab")
        if page.run("document.activeElement.dataset.code !== undefined"):
            break
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter", "\r")
    shown = "document.querySelector('#dead-letters .dead-letters') !== null"
    page.wait_for(f"document.activeElement.id === 'h-dead-letters' && {shown}")


def test_a_product_is_found_by_its_name(page: Page, api: Served) -> None:
    page.run(f"document.getElementById('query').value = {quoted('100% c')}")
    page.click("#search button")
    wanted = api.json("/products", query="100% c", limit=8)["items"]
    page.wait_for(f"document.querySelectorAll('#found [data-product]').length === {len(wanted)}")
    page.run("document.getElementById('query').value = 'there is no such thing'")
    page.click("#search button")
    page.wait_for("document.getElementById('found').innerText.includes('No product is called like')")


def test_a_product_is_shown_through_time_and_its_price_at_a_moment(page: Page, api: Served) -> None:
    page.set("query", "7")
    page.click("#search button")
    page.wait_for("document.querySelector('#found [data-product=\"7\"]') !== null")
    page.click('#found [data-product="7"]')
    versions = api.json("/products/7/history")["items"]
    page.wait_for("document.getElementById('history').innerText.includes('(7)')")
    assert page.run("document.querySelectorAll('#history tbody tr').length") == len(versions) > 1
    assert page.run("document.querySelectorAll('#history .version').length") == len(versions)
    for one, wanted in ((versions[1], versions[1]["price"]), (versions[0], versions[0]["price"])):
        at = (datetime.fromisoformat(one["valid_from"]) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
        page.set("moment", at)
        page.wait_for(f"document.getElementById('price').innerText.replace(',', '').startsWith('{wanted}')")
    page.set("moment", "1999-12-31T23:59")
    page.wait_for("document.getElementById('price').innerText === 'it was not sold then'")
