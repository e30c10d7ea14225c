"""config.escaping: control and invisible characters are written out, and nothing else changes."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest

from config.escaping import escape_controls, escape_json, shorten

#: Of the categories of controls, formats, surrogates and separators, those that are written or that scripts need.
SEEN = {0x200C, 0x200D, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD, *range(0x0600, 0x0606)}
EVERY = [chr(point) for point in range(sys.maxunicode + 1)]


def does_more_than_be_seen(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and ord(character) not in SEEN


def test_each_character_of_unicode_that_does_more_than_be_seen_is_written_out_and_no_other() -> None:
    assigned = [one for one in EVERY if unicodedata.category(one) != "Cn"]
    wrong = [one for one in assigned if (escape_controls(one) == one) == does_more_than_be_seen(one)]
    assert wrong == []
    assert not any(map(does_more_than_be_seen, escape_controls("".join(EVERY))))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b]0;title\x07\x9b31m\x7f", "\\x1b]0;title\\x07\\x9b31m\\x7f"),
        ("a\r\n\tb\u2028c", "a\\r\\n\\tb\\u2028c"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("name-\udcff", "name-\\xff"),
        ("\U000e0041", "\\U000e0041"),
        ("São Paulo ☕ 👨\u200d👩 [/b] \\d", "São Paulo ☕ 👨\u200d👩 [/b] \\d"),
    ],
)
def test_it_is_still_seen_what_was_there(given: str, shown: str) -> None:
    assert escape_controls(given) == escape_controls(shown) == shown


def test_a_json_document_says_the_same_and_does_nothing_else() -> None:
    said = {"text": "".join(EVERY), "lone": "\udc80"}
    document = escape_json(json.dumps(said, ensure_ascii=False, indent=2))
    assert {one for one in document if does_more_than_be_seen(one)} == {"\n"}
    assert json.loads(document) == json.loads(json.dumps(said))


def test_a_long_text_is_cut_and_says_how_long_it_is() -> None:
    assert shorten("é" * 200) == "é" * 200
    assert shorten("é" * 80_000) == "é" * 200 + "… (80,000 characters)"
