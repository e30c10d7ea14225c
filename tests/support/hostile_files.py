"""Hostile files, a table: what each holds, and what must become of it. Limits are small here, so that the files can be."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.landing.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = Limits(
    header_bytes=2_048,
    columns=50,
    name_length=100,
    reasons=5,
    detail_length=100,
    line_bytes=4_096,
    piece_bytes=1_024,
    unpacked_bytes=2_500_000,
    unpack_ratio=100,
)
GOOD = b"a,b\n1,2\n"
#: What a gzip may unpack to whatever its ratio, as small as the limits.
BYTES_OF_ANY_RATIO = 1_500_000
CHANCE = random.Random(7)


@dataclass(frozen=True)
class Hostile:
    """A file of the table: its rows, those unread among them, and the reasons met (code, or limit's name where too large)."""

    what: str
    name: str
    data: bytes
    rows: int
    unread: int
    reasons: frozenset[str]


def _file(what: str, name: str, data: bytes, rows: int, unread: int, *reasons: str) -> Hostile:
    return Hostile(what, name, data, rows, unread, frozenset(reasons))


def _names(count: int, length: int = 4) -> bytes:
    return ",".join(str(number).rjust(length, "n") for number in range(count)).encode()


def _gzip(cell: Callable[[], str]) -> bytes:
    """A gzip of 2,000 rows of long cells: 4 MB."""
    return gzip.compress("\n".join(["a", *(cell() for _ in range(2_000))]).encode(), mtime=0)


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("1.csv", "a,b\n1,2\n")
    return packed.getvalue()


def _object(names: list[str]) -> bytes:
    return json.dumps(dict.fromkeys(names, 1)).encode() + b"\n"


FILES = [
    _file("no bytes", "empty.csv", b"", 0, 0),
    _file("a header alone", "header.csv", b"a,b\r\n", 0, 0),
    _file("a byte order mark alone", "mark.csv", b"\xef\xbb\xbf", 0, 0),
    _file("line ends alone", "ends.jsonl", b"\n\r\n\n", 0, 0),
    _file("a gzip of nothing", "nothing.csv.gz", gzip.compress(b""), 0, 0),
    _file("NULs alone", "nuls.csv", b"\0" * 9, 0, 0),
    _file("UTF-16", "utf16.csv", GOOD.decode().encode("utf-16"), 3, 3, "unreadable"),
    _file("a byte of Latin-1", "latin1.csv", b"a,b\n1,\xe9\n1,2\n", 2, 1, "encoding"),
    _file("UTF-8 of half a pair", "cesu.csv", b"a,b\n1,\xed\xa0\x80\n1,2\n", 2, 1, "encoding"),
    _file("a quote that is never closed", "open.csv", b'a,b\n1,"2\n1,2\n', 2, 1, "unreadable"),
    _file("quotes alone", "quotes.csv", b'a,b\n""""""""\n', 1, 1, "column_count"),
    _file("the line ends of an old Mac", "mac.csv", b"a,b\r1,2\r", 1, 1, "unreadable"),
    _file("a Parquet file", "parquet.csv", b"PAR1\x15\x04\x15\n\xff\xfePAR1", 1, 1, "encoding"),
    _file("more cells than names", "wide.csv", b"a,b\n" + b"1," * 999 + b"\n1,2\n", 2, 1, "column_count"),
    _file("formulas and escapes", "formula.csv", b"a,\x1b[2J\n=cmd|' /C calc'!A0,\x1b]0;x\x07\n", 1, 0),
    _file("a long header", "header-bytes.csv", _names(40, 60) + b"\n1\n", 2, 2, "MAX_HEADER_BYTES"),
    _file("many columns", "columns.csv", _names(51) + b"\n1\n", 2, 2, "MAX_COLUMNS"),
    _file("a long name", "name.csv", b"a," + b"n" * 101 + b"\n1,2\n", 2, 2, "MAX_NAME_LENGTH"),
    _file(
        "many reasons", "reasons.csv", b",".join([_names(9)] * 2) + b"\n1\n", 1, 1, "duplicate_header", "MAX_REASONS"
    ),
    _file("a long detail", "detail.csv", b"n" * 90 + b"," + b"n" * 90 + b"\n1,2\n", 1, 1, "duplicate_header"),
    _file("a long line", "line.csv", GOOD + b"x" * 4_097 + b"\n1,2\n", 7, 5, "MAX_LINE_BYTES"),
    _file("a long line of JSON", "line.jsonl", b'{"a":"' + b"x" * 4_096 + b'"}\n{"a":1}\n', 6, 5, "MAX_LINE_BYTES"),
    _file("a header without end", "endless.csv", b"\xff" * 5_000, 5, 5, "MAX_LINE_BYTES"),
    _file("a bomb", "bomb.csv.gz", _gzip(lambda: str(CHANCE.getrandbits(64)) * 100), 0, 0, "MAX_UNPACKED_BYTES"),
    _file("a bomb of small size", "ratio.csv.gz", _gzip(lambda: "0" * 2_000), 0, 0, "MAX_UNPACK_RATIO"),
    _file("a gzip cut off", "cut.csv.gz", gzip.compress(GOOD)[:-6], 2, 1, "unreadable"),
    _file("a gzip with something behind it", "behind.csv.gz", gzip.compress(GOOD) + b"else", 2, 1, "unreadable"),
    _file("no gzip", "plain.csv.gz", GOOD, 1, 1, "unreadable"),
    _file("a zip", "zip.csv.gz", _zip(), 1, 1, "unreadable"),
    _file("a gzip in a gzip", "twice.csv.gz", gzip.compress(gzip.compress(GOOD, mtime=0)), 2, 2, "unreadable"),
    _file("JSON of great depth", "deep.jsonl", b'{"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}\n", 1, 1, "unreadable"),
    _file("JSON that is no object", "scalars.jsonl", b'[]\n1\nnull\n"a"\n', 4, 4, "unreadable"),
    _file("JSON over several lines", "pretty.jsonl", b'{\n"a": 1\n}\n', 3, 3, "unreadable"),
    _file("a field twice", "twice.jsonl", b'{"a":1,"a":2}\n{"b":{"x":1,"x":2}}\n', 2, 2, "duplicate_header"),
    _file("half a pair", "half.jsonl", b'{"a":"\\ud800"}\n{"\\udfff":1}\n', 2, 2, "encoding"),
    _file("numbers beyond all bounds", "numbers.jsonl", b'{"a":1e999999,"b":-' + b"9" * 4_000 + b"}\n", 1, 0),
    _file("many fields", "fields.jsonl", _object([str(n) for n in range(51)]), 1, 1, "MAX_COLUMNS"),
    _file("a long field", "field.jsonl", _object(["n" * 101]), 1, 1, "MAX_NAME_LENGTH"),
    _file("CSV called JSON", "csv.jsonl", GOOD, 2, 2, "unreadable"),
    _file("JSON called CSV", "json.csv", b'{"a":1,"b":2}\n{"a":1,"b":2}\n', 1, 0),
]

#: Names that a shell, a URL, a glob, a terminal or a path might take for something else; each file holds one good row.
NAMES = [
    "a:b.csv",
    "c:/drive.csv",
    "two words.csv",
    " .csv",
    "100%.csv",
    "%2e%2e%2fup.csv",
    "h#ash.csv",
    "what?.csv",
    "st*r.csv",
    "[a-z]{1,2}.csv",
    "back\\slash.csv",
    "line\nend.csv",
    "fold\ner/x.csv",
    "tab\t.csv",
    "\x1b[2J.csv",
    "$(reboot);`x`&'\".csv",
    "[red]markup[/red].csv",
    "größe-日本-\U0001f6b2.csv",
    "n" * 251 + ".csv",
    "/".join(["d" * 200] * 8) + "/deep.csv",
    "k=v/k=w.csv",
    "part.csv/part-0.csv",
]
