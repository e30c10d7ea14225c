"""JSON lines in, text out: every value as it was written, every line accounted for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.landing.jsonl_text import read_jsonl
from spark_jobs.landing.limits import Limits


def read(*blocks: bytes) -> list[tuple[int, dict[str, str] | str]]:
    rows: list[tuple[int, dict[str, str] | str]] = []
    for chunk in read_jsonl(blocks, ("a", "b")):
        rests = chunk.rest.to_pylist() if chunk.rest is not None else [None] * len(chunk.positions)
        for place, position in enumerate(chunk.positions.tolist()):
            cells = {name: column[place].as_py() for name, column in chunk.columns.items()}
            given_ = {name: text for name, text in cells.items() if text is not None}
            rows.append((position, {**given_, **dict(rests[place] or [])}))
        rows += [(row.position, row.reasons[0][0]) for row in chunk.unread]
    return sorted(rows, key=lambda row: row[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.10", "1.10"),
        ("1e5", "1e5"),
        ("-0", "-0"),
        ("9007199254740993", "9007199254740993"),
        ("1" * 5000, "1" * 5000),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("true", "true"),
        ("null", ""),
        ('""', ""),
        (r'"\u00e9 \ud83d\ude00 \u0000"', "é 😀 \0"),
        ('{"x": [1.10, null, "é", {"y": 1e5}]}', '{"x":[1.10,null,"é",{"y":1e5}]}'),
        ("[]", "[]"),
    ],
)
def test_a_value_keeps_its_text(value: str, text: str) -> None:
    assert read(f'{{"a":{value}}}\n'.encode()) == [(1, {"a": text})]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "unreadable"),
        (b"1", "unreadable"),
        (b"null", "unreadable"),
        (b'[{"a":1}]', "unreadable"),
        (b'{"a":1} x', "unreadable"),
        (b'{"a":"\t"}', "unreadable"),
        (b'{"a":"\xe9"}', "encoding"),
        (rb'{"a":"\ud800"}', "encoding"),
        (rb'{"\udc00":1}', "encoding"),
        (rb'{"a":{"x":["\ud800"]}}', "encoding"),
        (b'{"a":1,"a":1}', "duplicate_header"),
        (b'{"a":{"x":1,"x":2}}', "duplicate_header"),
        (rb'{"\ud800":1,"\ud800":1}', "duplicate_header"),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "unreadable"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "unreadable"),
    ],
)
def test_a_line_that_is_no_row_is_kept_with_its_reason_and_harms_no_other(line: bytes, code: str) -> None:
    (chunk,) = read_jsonl([b'{"a":1}\n' + line + b'\r\n{"a":2}\n'], ["a"])
    assert chunk.positions.tolist() == [1, 3]
    ((position, ((found, _, detail),), raw),) = [(row.position, row.reasons, row.text) for row in chunk.unread]
    assert (position, found, raw) == (2, code, line.decode("utf-8", errors="backslashreplace"))
    assert detail.encode("utf-8")


def test_a_bom_and_blank_lines_are_no_rows_and_fields_may_be_absent() -> None:
    data = b'\xef\xbb\xbf\n{"a":1}\r\n  \n{"b":2,"x":3}\n{}\n'
    assert read(data) == [(1, {"a": "1"}), (2, {"b": "2", "x": "3"}), (3, {})]


def test_a_deep_value_that_can_be_held_keeps_its_text() -> None:
    deep = "[" * 100 + "]" * 100
    assert read(f'{{"a":{deep}}}'.encode()) == [(1, {"a": deep})]


def test_every_cut_gives_the_same_rows() -> None:
    data = '\ufeff{"a":"é"}\r\n\n{"a":1.10,"x":[1]}\nno\n{"b":""}'.encode()
    whole = read(data)
    assert len(whole) == 4
    for cut in range(len(data) + 1):
        assert read(data[:cut], data[cut:]) == whole, cut


def test_a_line_too_long_to_be_held_is_kept_in_pieces() -> None:
    short = Limits(line_bytes=10, piece_bytes=8)
    chunks = list(read_jsonl([b'{"a":1}\n{"a":"01234', b'56789"', b'}\n{"a":2}\n'], ["a"], short))
    assert [int(place) for chunk in chunks for place in chunk.positions] == [1, 5]
    kept = [(row.position, *row.reasons[0][:2], row.text) for chunk in chunks for row in chunk.unread]
    pieces = enumerate(['{"a":"01', "23456789", '"}'], 2)
    assert kept == [(place, "too_large", "MAX_LINE_BYTES", raw) for place, raw in pieces]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), JSON, max_size=4), st.booleans())
def test_what_was_written_can_be_read_back(row: dict[str, object], ascii_only: bool) -> None:
    ((_, found),) = read(json.dumps(row, ensure_ascii=ascii_only).encode())
    assert isinstance(found, dict)
    told = {name: (value if isinstance(value, str) else "" if value is None else value) for name, value in row.items()}
    assert {name: text if isinstance(told[name], str) else json.loads(text) for name, text in found.items()} == told


@settings(max_examples=150, deadline=None)
@given(
    st.binary() | st.lists(st.sampled_from([b'{"a":', b"1", b'"', b"}", b"\n", b"\\u", b"d800", b"["])).map(b"".join)
)
def test_no_bytes_raise_and_every_line_that_is_not_blank_is_a_row(data: bytes) -> None:
    told = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    assert [position for position, _ in read(data)] == list(range(1, len(told) + 1))
