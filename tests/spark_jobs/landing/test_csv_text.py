"""CSV bytes in, rows and unread rows out: whatever the file holds, nothing is lost and nobody else's row is harmed.

Covers csv_text, csv_records, csv_quotes, csv_parse and line_blocks.

Covers: spark_jobs.landing.csv_*, spark_jobs.landing.chunks, spark_jobs.landing.line_blocks.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.landing import csv_quotes
from spark_jobs.landing.csv_text import read_csv
from spark_jobs.landing.limits import Limits
from spark_jobs.landing.open_file import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Row = tuple[int, dict[str, str] | str]


def read(*blocks: bytes, known: Sequence[str] = ("a", "b")) -> list[Row]:
    """Every row by position: its cells by name, or the code of its first reason."""
    rows: list[Row] = []
    for chunk in read_csv(blocks, known):
        assert chunk.rows
        rests = [dict(rest) for rest in chunk.rest.to_pylist()] if chunk.rest is not None else []
        for place, position in enumerate(chunk.positions.tolist()):
            cells = {name: column[place].as_py() for name, column in chunk.columns.items()}
            rows.append((position, {**cells, **(rests[place] if rests else {})}))
        rows += [(unread.position, unread.reasons[0][0]) for unread in chunk.unread]
    return sorted(rows, key=lambda row: row[0])


def unread(*blocks: bytes) -> list[tuple[int, str, str]]:
    found = [row for chunk in read_csv(blocks, ("a", "b")) for row in chunk.unread]
    return sorted((row.position, row.reasons[0][2], row.text) for row in found)


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


AB = {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        pytest.param(b"", [], id="an empty file"),
        pytest.param(b"a,b\n", [], id="a header alone"),
        pytest.param(b"a,b", [], id="a header without its line end"),
        pytest.param(b"\n\r\n\n", [], id="blank lines alone"),
        pytest.param(b"\xef\xbb\xbf", [], id="a byte order mark alone"),
        pytest.param(b"a,b\n1,2", [(1, AB)], id="no final newline"),
        pytest.param(b"a,b\r\n1,2\r\n1,2\r\n", [(1, AB), (2, AB)], id="CRLF"),
        pytest.param(b"a,b\r\r\n\r\r\n1,2\r\r\n", [(1, AB)], id="CRCRLF, as a text mode twice makes it"),
        pytest.param(b"a,b\r\n1,2\r", [(1, AB)], id="a last line that ends with a return"),
        pytest.param(b"\xef\xbb\xbfa,b\n1,2\n", [(1, AB)], id="a byte order mark"),
        pytest.param(b"\n\na,b\n\n1,2\n\r\n\n1,2\n", [(1, AB), (2, AB)], id="blank lines are no rows"),
        pytest.param(b"b,a\n2,1\n", [(1, AB)], id="reordered header"),
        pytest.param(b"a,x,b,y\n1,,2,z\n", [(1, {**AB, "x": "", "y": "z"})], id="unknown columns go to rest"),
        pytest.param(b"x,y\n1,2\n3,4\n", [(1, {"x": "1", "y": "2"}), (2, {"x": "3", "y": "4"})], id="none known"),
        pytest.param(b"b\n2\n\n3\n", [(1, {"b": "2"}), (2, {"b": "3"})], id="a single column"),
        pytest.param(b'b\n""\n', [(1, {"b": ""})], id="an empty value of a single column"),
        pytest.param(b"b\n2,3\n4\n", [(1, "column_count"), (2, {"b": "4"})], id="too many cells for a single column"),
        pytest.param(b'a,b\n"1",""\n,2\n', [(1, {"a": "1", "b": ""}), (2, {"a": "", "b": "2"})], id="empty cells"),
        pytest.param(b"a,b\n 1 ,NULL\n", [(1, {"a": " 1 ", "b": "NULL"})], id="no cell is trimmed or null"),
        pytest.param(b'a,b\n5" pipe,2\n', [(1, {"a": '5" pipe', "b": "2"})], id="an inch sign"),
        pytest.param(b'a,b\n"5"" pipe",2\n', [(1, {"a": '5" pipe', "b": "2"})], id="doubled quotes"),
        pytest.param(
            b'a,b\n"1\r\n\n2",2\n1,2\n', [(1, {"a": "1\r\n\n2", "b": "2"}), (2, AB)], id="line ends in quotes"
        ),
        pytest.param(b"a,b\n1\n1,2\n1,2,3\n", [(1, "column_count"), (2, AB), (3, "column_count")], id="short and long"),
        pytest.param(b"a,b\n1,\xe9\n1,2\n\xff,\xff\n", [(1, "encoding"), (2, AB), (3, "encoding")], id="no UTF-8"),
        pytest.param(b"a,b\n1,x\0y\n", [(1, {"a": "1", "b": "x\0y"})], id="a NUL"),
        pytest.param(b"a,b\n1,x\ry\n1,2\n", [(1, "unreadable"), (2, AB)], id="a lone return"),
        pytest.param(b'a,b\n1,"x\ry"\n', [(1, {"a": "1", "b": "x\ry"})], id="a lone return in quotes"),
        pytest.param(
            b'a,b\n1,"2\n1,2\n1,2\n', [(1, "unreadable"), (2, AB), (3, AB)], id="an open quote costs its line"
        ),
        pytest.param(b'a,b\n1,2\n1,"2', [(1, AB), (2, "unreadable")], id="an open quote on the last line"),
        pytest.param(
            b'a,b\n1,"2\n5" x,2\n', [(1, "unreadable"), (2, {"a": '5" x', "b": "2"})], id="and no inch closes it"
        ),
        pytest.param(b'a,b\n5","2\n1,2\n', [(1, "unreadable"), (2, AB)], id="open although its quotes are even"),
        pytest.param(b'b\nx\r"y\nz"\n', [(1, "unreadable"), (2, {"b": 'z"'})], id="a return never opens a quote"),
        pytest.param(b"a,a\n1,2\n", [(1, "duplicate_header")], id="a name twice in the header"),
        pytest.param(b"\xff,b\n1,2\n", [(1, "unreadable"), (2, "unreadable")], id="a header that is no UTF-8"),
        pytest.param(b'"a,b\n1,2\n', [(1, "unreadable"), (2, "unreadable")], id="a header with an open quote"),
        pytest.param(b'"a\nc",b\n1,2\n', [(1, "unreadable"), (2, "unreadable")], id="a header of two lines"),
        pytest.param(
            "a,b\n1,2\n".encode("utf-16"), [(1, "unreadable"), (2, "unreadable"), (3, "unreadable")], id="UTF-16"
        ),
        pytest.param(b"a,b\r1,2\r3,4\r", [(1, "unreadable")], id="returns alone as line ends"),
    ],
)
def test_rows_are_read_as_they_stand(data: bytes, rows: list[Row]) -> None:
    assert read(data) == rows


def test_a_header_without_a_known_field_leaves_it_absent_and_not_empty() -> None:
    assert [chunk.columns.keys() for chunk in read_csv([b"a\n1\n"], ["a", "b"])] == [{"a"}]


def test_unread_rows_keep_their_text_and_say_what_is_wrong() -> None:
    assert unread(b'a,b\n1\ncaf\xe9,2\n1,"x\n1,2\n') == [
        (1, "1 cells under a header of 2", "1"),
        (2, "byte 0xE9 at 4 is no UTF-8", r"caf\xe9,2"),
        (3, "a quote is opened and never closed", '1,"x'),
    ]


def test_every_name_that_a_header_gives_twice_is_a_reason() -> None:
    (chunk,) = read_csv([b"a,b,a,b,c\n1,2,3,4,5\n"], ["a", "b"])
    assert [(code, field) for code, field, _ in chunk.unread[0].reasons] == [
        ("duplicate_header", "a"),
        ("duplicate_header", "b"),
    ]


#: Records and what each is by itself, whatever stands before or behind it: its cells, a reason's code, or no row.
CELLS = list[str]
TRICKY: list[tuple[bytes, list[CELLS | str]]] = [
    (b"1,2", [["1", "2"]]),
    (b",", [["", ""]]),
    (b'"",""', [["", ""]]),
    (b'"x,y",2', [["x,y", "2"]]),
    (b'"he said ""hi""",2', [['he said "hi"', "2"]]),
    (b'""""," "', [['"', " "]]),
    (b'"l1\nl2",2', [["l1\nl2", "2"]]),
    (b'"l1\r\n\r\nl2",",\n"', [["l1\r\n\r\nl2", ",\n"]]),
    (b'1,"\n\n1,2\n"', [["1", "\n\n1,2\n"]]),
    (b'5",2', [['5"', "2"]]),
    (b'5","q"', [['5"', "q"]]),
    ("é,ü€𝄞".encode(), [["é", "ü€𝄞"]]),
    (b"\0,2", [["\0", "2"]]),
    (b'"a\rb",2', [["a\rb", "2"]]),
    (b"1", ["column_count"]),
    (b"1,2,3", ["column_count"]),
    (b"\xff,2", ["encoding"]),
    (b'"l\n\xff",2', ["encoding"]),
    (b"a\rb,2", ["unreadable"]),
    (b'7,"open\ng"g,1', ["unreadable", ['g"g', "1"]]),
    (b'5","open\ng"g,1', ["unreadable", ['g"g', "1"]]),
    (b'"\ng"g,1', ["unreadable", ['g"g', "1"]]),
    (b"", []),
]
ENDS = st.sampled_from([b"\n", b"\r\n"])


def expected(chosen: Sequence[tuple[bytes, list[CELLS | str]]]) -> list[Row]:
    outcomes = [outcome for _, some in chosen for outcome in some]
    return [
        (position, one if isinstance(one, str) else dict(zip("ab", one, strict=True)))
        for position, one in enumerate(outcomes, 1)
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TRICKY), ENDS), max_size=12),
    st.lists(st.integers(0, 200), max_size=8),
    st.booleans(),
)
def test_any_mix_of_tricky_records_cut_anywhere_gives_each_its_own_outcome(
    chosen: list[tuple[tuple[bytes, list[CELLS | str]], bytes]], cuts: list[int], bom: bool
) -> None:
    data = (b"\xef\xbb\xbf" if bom else b"") + b"a,b\n" + b"".join(record + end for (record, _), end in chosen)
    assert read(*pieces(data, {min(cut, len(data)) for cut in cuts})) == expected([record for record, _ in chosen])


def test_every_pair_of_cuts_of_a_tricky_file_gives_the_same_rows() -> None:
    chosen = [TRICKY[at] for at in (7, 16, 19)]
    data = b"\xef\xbb\xbfa,b\r\n" + b"\n".join(record for record, _ in chosen)
    for cuts in combinations(range(len(data) + 1), 2):
        assert read(*pieces(data, cuts)) == expected(chosen), cuts


def test_a_file_fed_byte_by_byte_gives_the_same_rows() -> None:
    data = b"a,b\n" + b"\n".join(record for record, _ in TRICKY)
    assert read(*(data[at : at + 1] for at in range(len(data)))) == expected(TRICKY)


FUZZ = st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"\r\n", b"a", b'""', b"\xc3", b"\xa9", b"\0", b" "]))


@settings(max_examples=400, deadline=None)
@given(FUZZ.map(b"".join) | st.binary(), st.sampled_from([b"", b"a,b\n", b"b\n", b"a,a\n"]), st.integers(0, 60))
def test_no_bytes_raise_and_nothing_between_the_separators_is_lost(body: bytes, header: bytes, cut: int) -> None:
    data = header + body
    chunks = list(read_csv(pieces(data, [min(cut, len(data))]), ["a"]))
    assert sorted(p for c in chunks for p in [*c.positions.tolist(), *(u.position for u in c.unread)]) == list(
        range(1, sum(c.rows for c in chunks) + 1)
    )
    if not header:
        return
    kept = [text for c in chunks for column in c.columns.values() for text in column.to_pylist()]
    kept += [text for c in chunks if c.rest for row in c.rest.to_pylist() for _, text in row]
    kept += [row.text for c in chunks for row in c.unread]
    assert essence("".join(kept)) == essence(visible_text(body.removeprefix(b"" if header else b"\xef\xbb\xbf")))


def essence(text: str) -> list[str]:
    """What a text holds besides separators, in any order: all that CSV may take away is commas, quotes and line ends."""
    return sorted(text.translate(str.maketrans("", "", ',"\r\n')))


def test_a_file_of_open_quotes_is_read_in_time_that_grows_with_its_size() -> None:
    data = b'a,b\nx,"a\n' + b'b","c\n' * 20_000
    assert len(read(data)) == 20_001


def test_a_quote_open_for_more_than_the_longest_value_is_given_up_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_quotes, "LONGEST_QUOTED", 64)
    data = b'a,b\n1,"2\n' + b"1,2\n" * 100 + b'"\n'
    for cut in range(0, len(data), 7):
        assert read(*pieces(data, [cut]))[:3] == [(1, "unreadable"), (2, AB), (3, AB)]


def test_a_line_too_long_to_be_held_is_kept_in_the_same_pieces_wherever_blocks_end_and_none_passes_for_a_row() -> None:
    short = Limits(line_bytes=10, piece_bytes=7)
    data = b"b\n0123456789\n0123456789abcdefgh\n2\n0123456789a"
    for cut in range(len(data) + 1):
        chunks = list(read_csv(pieces(data, [cut]), ["b"], short))
        read = {int(p): text for c in chunks for p, text in zip(c.positions, c.columns.get("b", []), strict=True)}
        assert {place: text.as_py() for place, text in read.items()} == {1: "0123456789", 5: "2"}
        kept = sorted((row.position, row.reasons[0][:2], row.text) for c in chunks for row in c.unread)
        why = ("too_large", "MAX_LINE_BYTES")
        told = [(2, why, "0123456"), (3, why, "789abcd"), (4, why, "efgh"), (6, why, "0123456"), (7, why, "789a")]
        assert kept == told, cut
