"""Rows of the lake in the form in which Postgres takes them: the bytes of COPY's CSV, made a chunk of Arrow at a time.

Every value is spelled exactly; only what Postgres cannot hold is spelled otherwise: a NUL character as the text \\x00, and a
day before 4713 BC or after the year 32767 as -infinity and infinity.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from spark_jobs.publish.json_text import NUL, json_object, json_of
from spark_jobs.schemas import BRONZE_META

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spark_jobs.publish.targets import Target
    from spark_jobs.storage.difference import Piece

#: A text that reads like a NUL character's spelling, or like such a text's own, and what it becomes.
_LIKE_A_NUL = (r"\\((?:x5c)*)x00", r"\\x5c\1x00")
#: Rows that are spelled and sent at once, so that memory stays bounded.
SENT_ROWS = 32_768
#: Nulls are empty and all else is quoted: an empty text is no null, and no line is taken for the end of the data.
_CSV = csv.WriteOptions(include_header=False, quoting_style="all_valid")
_META = {name for name, _ in BRONZE_META}
#: The days that both Arrow can spell and Postgres hold. No contract lets others through; other hands may write them.
_FIRST, _LAST = (np.datetime64(day, "D").astype(np.int64) for day in ("-4712-01-01", "32767-12-31"))
_A_DAY = 86_400_000_000
_BEFORE_CHRIST = re.compile(r"(-?\d+)(-.+)")


def whole_rows(target: Target, piece: Piece) -> Iterator[bytes]:
    """Those rows of a file, with all columns of the target."""
    for rows in piece.read(target.table.schema):
        for start in range(0, rows.num_rows, SENT_ROWS):
            yield csv_bytes(_told_apart(target, shaped(target, rows.slice(start, SENT_ROWS))))


def keys_only(target: Target, piece: Piece) -> Iterator[bytes]:
    """Of those rows of a file the columns that tell rows apart."""
    schema = pa.schema([target.table.schema.field(name) for name in target.told_apart_by])
    for rows in piece.read(schema):
        for start in range(0, rows.num_rows, SENT_ROWS):
            yield csv_bytes(_told_apart(target, rows.slice(start, SENT_ROWS)))


def shaped(target: Target, rows: pa.Table) -> pa.Table:
    """Rows with the target's columns. Of Bronze: the subject, and the fields' texts in one payload where there is no raw text."""
    if target.subject is None:
        return rows.select(target.columns.names)
    known = [name for name in target.table.schema.names if name not in _META]
    texts = [rows[name].combine_chunks() for name in known]
    payload = json_object(known, texts, rows["payload_rest"].combine_chunks())
    made = {
        "subject": pa.repeat(pa.scalar(target.subject), rows.num_rows),
        "payload": pc.if_else(rows["raw"].combine_chunks().is_null(), payload, None),
    }
    return pa.table({name: made[name] if name in made else rows[name] for name in target.columns.names})


def _told_apart(target: Target, rows: pa.Table) -> pa.Table:
    """Rows whose keys stay two where one has a NUL character and the other what it is spelled as: that one is spelled \\x5cx00."""
    for at, name in enumerate(rows.column_names):
        if name in target.key and pa.types.is_string(rows[name].type):
            rows = rows.set_column(at, name, pc.replace_substring_regex(rows[name], *_LIKE_A_NUL))
    return rows


def csv_bytes(rows: pa.Table) -> bytes:
    """The rows as CSV without a header."""
    sink = io.BytesIO()
    csv.write_csv(pa.table([_spelled(column) for column in rows.columns], names=rows.column_names), sink, _CSV)
    return sink.getvalue()


def _spelled(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    type_ = column.type
    if pa.types.is_nested(type_):
        return json_of(column)
    if pa.types.is_string(type_):
        return _without_nul(column)
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return _dated(column)
    return column


def _without_nul(column: pa.ChunkedArray) -> pa.ChunkedArray:
    holds = pc.any(pc.match_substring(column, "\0")).as_py()
    return pc.replace_substring(column, "\0", NUL) if holds else column


def _dated(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Times before the year 1 as Postgres writes them: ISO 8601's year 0 is 1 BC, its year -1 is 2 BC."""
    texts = _within(column, column.cast(pa.string()))
    early = pc.match_substring_regex(texts, "^(-|0000)")
    if not pc.any(early).as_py():
        return texts
    return pa.array([_before_christ(text) for text in texts.to_pylist()], pa.string())


def _within(column: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts, but for times that Postgres would refuse, and the whole table with them."""
    is_time = pa.types.is_timestamp(column.type)
    number = column.cast(pa.int64() if is_time else pa.int32())
    unit = _A_DAY if is_time else 1
    texts = pc.if_else(pc.greater_equal(number, int((_LAST + 1) * unit)), "infinity", texts)
    return pc.if_else(pc.less(number, int(_FIRST * unit)), "-infinity", texts)


def _before_christ(text: str | None) -> str | None:
    match = _BEFORE_CHRIST.fullmatch(text or "")
    if match is None or int(match[1]) > 0:
        return text
    return f"{1 - int(match[1]):04}{match[2]} BC"
