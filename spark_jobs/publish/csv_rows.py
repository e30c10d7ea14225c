"""Rows of the lake as CSV for COPY, made a chunk of Arrow at a time.

Every value is written exactly; only what Postgres cannot hold is written otherwise: a NUL character as the text \\x00, and a
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

    from spark_jobs.publish.target import Target
    from spark_jobs.storage.difference import Piece

#: A text that looks like an escaped NUL character, or like such a text escaped again, and what it becomes.
_LIKE_A_NUL = (r"\\((?:x5c)*)x00", r"\\x5c\1x00")
#: Rows that are converted and sent at once, so that memory stays bounded.
CHUNK_ROWS = 32_768
#: Nulls are empty and all else is quoted: an empty text is no null, and no line is taken for the end of the data.
_CSV = csv.WriteOptions(include_header=False, quoting_style="all_valid")
_META = {name for name, _ in BRONZE_META}
#: The first and last day that Postgres can hold. No contract lets others through; other writers may write them.
_FIRST, _LAST = (np.datetime64(day, "D").astype(np.int64) for day in ("-4712-01-01", "32767-12-31"))
_A_DAY = 86_400_000_000
_BEFORE_CHRIST = re.compile(r"(-?\d+)(-.+)")


def whole_rows(target: Target, piece: Piece) -> Iterator[bytes]:
    """Yield those rows of a file as CSV, with all columns of the target."""
    for rows in _chunks(piece, target.table.schema):
        yield csv_bytes(_escape_keys(target, _in_columns_of(target, rows)))


def keys_only(target: Target, piece: Piece) -> Iterator[bytes]:
    """Yield those rows of a file as CSV, with only the columns by which a row is found again."""
    schema = pa.schema([target.table.schema.field(name) for name in target.row_identity])
    for rows in _chunks(piece, schema):
        yield csv_bytes(_escape_keys(target, rows))


def _chunks(piece: Piece, schema: pa.Schema) -> Iterator[pa.Table]:
    for rows in piece.read(schema):
        for start in range(0, rows.num_rows, CHUNK_ROWS):
            yield rows.slice(start, CHUNK_ROWS)


def _in_columns_of(target: Target, rows: pa.Table) -> pa.Table:
    """Return the rows with the target's columns.

    Of Bronze: with the subject, and with the fields' texts in one payload where there is no raw text.
    """
    if target.subject is None:
        return rows.select(target.columns.names)
    fields = [name for name in target.table.schema.names if name not in _META]
    texts = [rows[name].combine_chunks() for name in fields]
    payload = json_object(fields, texts, rows["payload_rest"].combine_chunks())
    made = {
        "subject": pa.repeat(pa.scalar(target.subject), rows.num_rows),
        "payload": pc.if_else(rows["raw"].combine_chunks().is_null(), payload, None),
    }
    return pa.table({name: made[name] if name in made else rows[name] for name in target.columns.names})


def _escape_keys(target: Target, rows: pa.Table) -> pa.Table:
    """Escape key texts that look like an escaped NUL as \\x5cx00, so that they do not become the key with the NUL itself."""
    for at, name in enumerate(rows.column_names):
        if name in target.key and pa.types.is_string(rows[name].type):
            rows = rows.set_column(at, name, pc.replace_substring_regex(rows[name], *_LIKE_A_NUL))
    return rows


def csv_bytes(rows: pa.Table) -> bytes:
    """Return the rows as CSV without a header."""
    sink = io.BytesIO()
    csv.write_csv(pa.table([_as_text(column) for column in rows.columns], names=rows.column_names), sink, _CSV)
    return sink.getvalue()


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    type_ = column.type
    if pa.types.is_nested(type_):
        return json_of(column)
    if pa.types.is_string(type_):
        return _without_nul(column)
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return _date_text(column)
    return column


def _without_nul(column: pa.ChunkedArray) -> pa.ChunkedArray:
    has_nul = pc.any(pc.match_substring(column, "\0")).as_py()
    return pc.replace_substring(column, "\0", NUL) if has_nul else column


def _date_text(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Return times before the year 1 as Postgres writes them: ISO 8601's year 0 is 1 BC, its year -1 is 2 BC."""
    texts = _bounded(column, column.cast(pa.string()))
    early = pc.match_substring_regex(texts, "^(-|0000)")
    if not pc.any(early).as_py():
        return texts
    return pa.array([_before_christ(text) for text in texts.to_pylist()], pa.string())


def _bounded(column: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the texts, with infinity for times that Postgres cannot hold: one of them would make it refuse the whole table."""
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
