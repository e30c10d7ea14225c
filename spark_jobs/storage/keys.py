"""Keys of rows: a column itself, or the text of several."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def key_array(rows: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> pa.Array:
    """Return the key of each row: the column itself, or the text that ``transforms.types.key_text`` makes of several."""
    found = rows[columns[0]] if len(columns) == 1 else key_text(rows, columns)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def key_text(rows: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> pa.Array:
    """Return the same text as ``transforms.types.key_text`` makes of the same values; a part that is null is left out."""
    return _joined([_text(rows[name], rows.schema.field(name).type) for name in columns], pa.scalar)


def key_expression(schema: pa.Schema, columns: Sequence[str]) -> pc.Expression:
    """Return an expression that gives the same as :func:`key_text` for rows of that schema, for a scan."""
    return _joined([_text(pc.field(name), schema.field(name).type) for name in columns], pc.scalar)


def _joined(parts: list[Any], constant: Callable[[str], Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    nothing = reduce(pc.and_kleene, [pc.is_null(part) for part in parts])
    parts[0] = pc.if_else(nothing, constant(""), parts[0])  # or Arrow, told to skip nulls, skips the whole row
    escaped = [pc.replace_substring(pc.replace_substring(part, "\\", "\\\\"), "|", "\\|") for part in parts]
    return pc.binary_join_element_wise(*escaped, constant("|"), null_handling="skip")


def _text(column: Any, type_: pa.DataType) -> Any:
    return (column.cast(pa.int64()) if pa.types.is_timestamp(type_) else column).cast(pa.string())
