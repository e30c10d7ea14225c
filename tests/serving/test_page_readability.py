"""The dashboard can be read: in light and dark, on a phone, on paper, by keyboard and by a screen reader."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import pytest
from support.chromium import FOUND, Page, browsing
from support.dashboard_page import WEAK_MARKS, WEAK_TEXTS, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.api_server import Served

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium on this machine")

OPEN_ALL = """
(() => {
  for (const one of document.querySelectorAll('details')) one.open = true;
  document.querySelector('#reasons button').click();
})()
"""


@pytest.fixture(scope="module")
def browser(api: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The dashboard; everything that can be opened is."""
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        opened(page, api.address).run(OPEN_ALL)
        page.wait_for("document.querySelector('#dead-letters .dead-letters') !== null")
        yield page


@pytest.fixture
def page(browser: Page) -> Page:
    """With the reader's preferences as they are without a choice."""
    browser.prefer()
    browser.size(1180)
    return browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_and_mark_stands_out(page: Page, scheme: str) -> None:
    page.prefer(color_scheme=scheme)
    texts, weak = page.run(WEAK_TEXTS)
    assert texts > 200
    assert weak == []
    *counts, weak = page.run(WEAK_MARKS)
    assert min(counts) > 2
    assert weak == []


@pytest.mark.parametrize("width", [360, 768, 1180])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.size(width)
    assert page.run("document.documentElement.scrollWidth") <= width


def test_no_name_is_broken_within_a_word_on_a_phone(page: Page) -> None:
    page.size(360)
    broken = """
    [...document.querySelectorAll('#figures table:not(.plain) tbody th')].flatMap((name) => {
      const texts = document.createTreeWalker(name, NodeFilter.SHOW_TEXT);
      const found = [];
      while (texts.nextNode()) {
        for (const { index, 0: word } of texts.currentNode.data.matchAll(/[^\\s_]+_?/g)) {
          const range = document.createRange();
          range.setStart(texts.currentNode, index);
          range.setEnd(texts.currentNode, index + word.length);
          if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) found.push(word);
        }
      }
      return found;
    })
    """
    assert page.run(broken) == []


@pytest.mark.parametrize("width", [360, 1180])
def test_no_writing_in_a_picture_lies_over_other_writing(page: Page, width: int) -> None:
    page.size(width)
    overlaps = """
    [...document.querySelectorAll('main svg[role=img]')].flatMap((picture) => {
      const boxes = [...picture.querySelectorAll('text')].filter((one) => one.textContent && one.getClientRects().length)
        .map((one) => [one.textContent, one.getBoundingClientRect()]);
      return boxes.flatMap(([name, a], at) => boxes.slice(at + 1)
        .filter(([, b]) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom)
        .map(([other]) => [name, other]));
    })
    """
    assert page.run(overlaps) == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1180), ("dark", 1180), ("light", 360)])
def test_a_picture_of_it_is_no_blank_page(page: Page, scheme: str, width: int) -> None:
    page.prefer(color_scheme=scheme)
    page.size(width)
    picture = page.picture()
    chunks = re.findall(rb"(?s)(....)IDAT", picture)
    assert chunks
    start = picture.index(b"IDAT") + 4
    seen = zlib.decompressobj().decompress(picture[start : start + int.from_bytes(chunks[0])])
    assert len(set(seen)) > 60


def test_it_is_dark_where_the_reader_wants_it_dark(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page.prefer(color_scheme="light")
    assert page.run(ground) == "rgb(245, 244, 240)"
    page.prefer(color_scheme="dark")
    assert page.run(ground) == "rgb(17, 21, 27)"


def test_nothing_glides_where_the_reader_wants_no_motion(page: Page) -> None:
    page.prefer(reduced_motion="reduce")
    assert page.run("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    moving = (
        "[...document.querySelectorAll('*')].filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0)"
    )
    assert page.run(f"{moving}.length + document.getAnimations().length") == 0


def test_on_paper_there_is_nothing_to_click(page: Page) -> None:
    page.prefer("print", color_scheme="dark")
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    inputs = "document.querySelectorAll('input, select, details, #dead-letters .pager')"
    shown = f"[...{inputs}].filter((one) => one.getClientRects().length)"
    assert page.run(f"{shown}.length") == 0
    texts, weak = page.run(WEAK_TEXTS)
    assert texts > 100
    assert weak == []


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    every = {
        "headings have words": "one('h1, h2').every((it) => it.innerText.trim())",
        "sections are named": "one('section').every((it) => document.getElementById(it.getAttribute('aria-labelledby')))",
        "pictures say what they show": "one('svg[role=img]').every((it) => it.getAttribute('aria-label').length > 20)",
        "other pictures are silent": "one('main svg').every((it) => it.closest('[role=img], [aria-hidden=true]'))",
        "fields have labels": "one('input, select').every((it) => it.labels.length > 0)",
        "buttons have words": "one('button').every((it) => it.innerText.trim())",
        "tables have heads": "one('table').every((it) => it.querySelector('thead th[scope=col]'))",
        "rows are named": "one('tbody tr').every((it) => it.querySelector('th[scope=row]'))",
        "ids are used once": "one('[id]').every((it) => document.querySelectorAll('#' + it.id).length === 1)",
        "no tab order of its own": "one('[tabindex]').every((it) => it.tabIndex <= 0)",
    }
    shown = "const one = (what) => [...document.querySelectorAll(what)].filter((it) => !it.closest('[hidden]'));"
    failed = [name for name, check in every.items() if not page.run(f"(() => {{ {shown} return {check} }})()")]
    assert failed == []
    landmarks = "['body > .sheet > header', 'body > .sheet > main', 'body > .sheet > footer', 'h1']"
    assert page.run(f"{landmarks}.map((it) => document.querySelectorAll(it).length)") == [1] * 4
    assert page.run("document.documentElement.lang") == "en"


def test_only_the_headline_is_read_out_and_without_figures_that_change_by_themselves(page: Page) -> None:
    live = "[...document.querySelectorAll('[aria-live], [role=alert], [role=status], [role=log]')].map((it) => it.id)"
    assert page.run(live) == ["state"]
    assert page.run("document.getElementById('state').textContent") == (
        "All rows accounted for, but there is no new batch."
    )
