"""The dashboard goes on by itself through new batches, outages and a key. Its waits are hurried; server and browser are real."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.api_server import served
from support.chromium import FOUND, Page
from support.dashboard_page import READY, grouped, hurried, opened, places
from support.shop_tables import another_batch, fill, move_on

from config.forms import Secret
from config.postgres import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg2.extensions import connection as Connection
    from support.api_server import Served
    from support.postgres_servers import Debian, Server

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium on this machine")

KEY = "0123456789abcdef-secret"
TIMES = 50
SEEN = "performance.getEntriesByType('resource').filter((one) => one.name.includes('/api/v1/status'))"
HEADLINE = "document.getElementById('headline').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with hurried(tmp_path_factory.mktemp("browser"), TIMES) as page:
        yield page


@pytest.fixture
def page(browser: Page, api: Served) -> Iterator[Page]:
    yield opened(browser, api.address)
    browser.open("about:blank")


def test_a_new_batch_comes_up_by_itself_and_nothing_moves(page: Page, api: Served, owner: Connection) -> None:
    read = api.json("/status")["totals"]["rows_read"] + 100
    another_batch(owner, 700)
    page.wait_for(f"document.getElementById('books').innerText.includes('{grouped(read)} read')")
    assert page.run(HEADLINE).startswith(f"All {grouped(read)} rows accounted for; newest batch ")
    stood = places(page)
    another_batch(owner, 705, "products")
    page.wait_for(f"document.getElementById('books').innerText.includes('{grouped(read + 100)} read')")
    assert "✓" in page.text("freshness")
    assert places(page) == pytest.approx(stood, abs=0.5)


def test_what_is_open_typed_or_focused_stays(page: Page, api: Served, owner: Connection) -> None:
    before = api.json("/status")["totals"]["rows_read"]
    page.run("document.querySelector('#books details').open = true")
    page.run("Object.assign(document.getElementById('query'), { value: 'half a word' }).focus()")
    page.run("document.getElementById('query').setSelectionRange(2, 5)")
    another_batch(owner, 701)
    page.wait_for(f"document.getElementById('books').innerText.includes('{grouped(before + 100)} read')")
    assert page.run("document.querySelector('#books details').open") is True
    assert page.run("[document.activeElement.id, document.getElementById('query').value]") == ["query", "half a word"]
    assert page.run("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [2, 5]


def test_a_reason_keeps_the_focus_when_another_overtakes_it(page: Page, owner: Connection) -> None:
    another_batch(owner, 702, reasons={"missing:name": 70_000, "bad_type:price": 60_000})
    page.wait_for("document.querySelector('#reasons tbody button').innerText === 'missing name'")
    page.run("document.querySelectorAll('#reasons tbody button')[1].focus()")
    another_batch(owner, 703, reasons={"too_old": 99_999})
    page.wait_for("document.querySelector('#reasons tbody button').innerText === 'too_old'")
    assert page.run("document.activeElement.innerText") == "bad_type price"


def test_a_price_at_a_chosen_moment_stays(page: Page) -> None:
    page.set("moment", "2026-01-15T12:00")
    page.wait_for("document.getElementById('price').innerText !== ''")
    before = page.text("price")
    seen = page.run(f"{SEEN}.length")
    page.wait_for(f"{SEEN}.length >= {seen + 2} && clock.flying === 0")
    assert page.text("price") == before


def test_what_has_not_changed_is_not_sent_again(page: Page) -> None:
    page.wait_for(f"{SEEN}.length >= 2")
    assert page.run(f"{SEEN}[1].responseStatus") == 304


def test_it_asks_every_five_seconds_however_often_a_subject_is_chosen(page: Page) -> None:
    for subject in ("orders", "products", "", "orders", "products", ""):
        page.set("subject", subject)
    page.wait_for("clock.flying === 0 && clock.pending.size > 0")
    assert page.run("clock.pending.size") == 1
    assert set(page.run("clock.waits")) == {5_000}


def test_rows_that_are_unaccounted_for_come_first(page: Page, owner: Connection) -> None:
    another_batch(owner, 704, accepted=97, unaccounted=3)
    try:
        page.wait_for("document.getElementById('headline').innerText.startsWith('3')")
        assert page.run(HEADLINE).replace("\xa0", " ").startswith("3 rows of orders unaccounted for;")
        assert "Run tally audit" in page.text("lead")
        assert page.run("document.getElementById('state').innerText") == "Rows of orders are unaccounted for."
    finally:
        with owner, owner.cursor() as cursor:
            cursor.execute("DELETE FROM data_quality_metrics WHERE unaccounted <> 0")
        move_on(owner)


def test_the_last_figures_stay_when_postgres_is_away_and_go_on_when_it_is_back(
    browser: Page, debian: Debian, tmp_path: Path
) -> None:
    owner = connect(debian.database, "owner", application="tests")
    fill(owner, tmp_path, batches=2)
    owner.close()
    with served(debian.database) as api:
        opened(browser, api.address)
        before, stood = browser.text("books"), places(browser)
        debian.kill()
        browser.wait_for(f"{HEADLINE}.startsWith('Postgres is away; last figures of')")
        browser.wait_for("clock.waits.filter((one) => one === 60_000).length >= 2")
        assert browser.run("clock.waits.filter((one) => one > 5_000).slice(0, 5)") == [1e4, 2e4, 4e4, 6e4, 6e4]
        seen = "(({ top, bottom }) => top > 0 && bottom <= innerHeight)"
        assert browser.run(f"{seen}(document.getElementById('notice').getBoundingClientRect())") is True
        assert "Asking again in 1 min." in browser.text("notice").replace("\xa0", " ")
        assert browser.text("books") == before
        assert places(browser) == pytest.approx(stood, abs=0.5)
        debian.start()
        browser.click("#again")
        browser.wait_for("document.getElementById('notice').innerText === ''")
        browser.wait_for("document.getElementById('headline').innerText.startsWith('All ')")
        assert browser.run("clock.waits.at(-1)") == 5_000
    browser.open("about:blank")


def test_the_last_figures_stay_when_the_server_itself_is_away(
    browser: Page, shared_server: Server, tmp_path: Path
) -> None:
    database = replace(shared_server.database, name="gone_page")
    owner = connect(database, "owner", application="tests")
    fill(owner, tmp_path, batches=2)
    owner.close()
    with served(database) as api:
        opened(browser, api.address)
        before = browser.text("books")
    browser.wait_for(f"{HEADLINE}.startsWith('The server does not answer;')")
    assert browser.text("books") == before
    with served(database, api_key=Secret(KEY)) as api:
        keyed(browser, api)


def keyed(browser: Page, api: Served) -> None:
    """With a key set, it asks for it, says when it is the wrong one, and keeps it for the tab alone."""
    browser.open(f"{api.address}/")
    browser.wait_for("!document.getElementById('key').hidden")
    for key in ("not the right one", KEY):
        browser.run(
            f"document.getElementById('key-text').value = '{key}'; document.querySelector('#key button').click()"
        )
        browser.wait_for(f"document.getElementById('key-error').innerText !== '' || ({READY})")
    browser.wait_for(READY)
    assert browser.run("document.getElementById('key').hidden") is True
    assert browser.run(f"document.documentElement.outerHTML.includes('{KEY}')") is False
    assert browser.run("[Object.values(sessionStorage), localStorage.length, document.cookie]") == [[KEY], 0, ""]
    browser.open("about:blank")


def test_an_empty_lake_says_what_to_run_and_asks_once_a_poll_what_is_the_matter(
    browser: Page, shared_server: Server
) -> None:
    with served(replace(shared_server.database, name="nothing_yet")) as api:
        browser.open(f"{api.address}/")
        browser.wait_for("document.getElementById('notice').innerText.includes('tally stream')")
        assert browser.run(HEADLINE) == "Nothing is published yet"
        said = browser.text("notice").replace("\xa0", " ")
        assert said.startswith("Nothing is published yet. Run tally stream or tally publish. Asking again in 10 s.")
        assert browser.run("[...document.querySelectorAll('#notice code')].map((one) => one.innerText)") == [
            "tally stream",
            "tally publish",
        ]
        ready = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/ready')).length"
        assert browser.run(ready) == 1
    browser.open("about:blank")


def test_a_lake_without_a_batch_says_in_each_section_what_to_run(
    browser: Page, shared_server: Server, tmp_path: Path
) -> None:
    database = replace(shared_server.database, name="no_batch_yet")
    owner = connect(database, "owner", application="tests")
    fill(owner, tmp_path, batches=1)
    with owner, owner.cursor() as cursor:
        cursor.execute("TRUNCATE data_quality_metrics, daily_gmv, top_products")
    owner.close()
    with served(database) as api:
        browser.complaints.clear()
        browser.open(f"{api.address}/")
        browser.wait_for("!document.getElementById('figures').hidden")
        assert browser.text("headline") == "No batch has been read yet"
        for name, command in (
            ("books", "stream"),
            ("freshness", "stream"),
            ("revenue", "gold run"),
            ("top", "gold run"),
        ):
            assert f"tally {command}" in browser.text(name)
        assert browser.complaints == []
    browser.open("about:blank")
