"""Converts Arrow columns to JSON texts, a column at a time. A NUL character, which Postgres cannot hold, becomes the text \\x00."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

NUL = r"\x00"
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": NUL.replace("\\", "\\\\")}
_CONTROLS = [chr(code) for code in range(0x20)]


def json_of(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return each value as JSON; null stays null. Types: texts, times, numbers, booleans, and lists, structs and maps of these."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    type_ = column.type
    if pa.types.is_map(type_):
        return _map(column)
    if pa.types.is_list(type_):
        return _enclosed("[", _joined(column, _or_null(json_of(column.flatten()))), "]")
    if pa.types.is_struct(type_):
        return pc.if_else(column.is_valid(), _struct(column), None)
    quoted = pa.types.is_string(type_) or pa.types.is_temporal(type_)
    return _text(column.cast(pa.string())) if quoted else column.cast(pa.string())


def json_object(names: Sequence[str], values: Sequence[pa.Array], rest: pa.Array) -> pa.Array:
    """Return an object for each row: the texts ``values`` under their ``names``, those that are not null, then the map ``rest``."""
    members = [_enclosed(_name(name), _text(value), "") for name, value in zip(names, values, strict=True)]
    inner = pc.utf8_slice_codeunits(json_of(rest), 1, -1)
    members.append(pc.if_else(pc.equal(inner, ""), None, inner))
    # Arrow, told to skip nulls, loses rows whose first part is null: begin with one that never is.
    first = pa.repeat("", len(rest))
    joined = pc.binary_join_element_wise(first, *members, ",", null_handling="skip")
    return _enclosed("{", pc.utf8_slice_codeunits(joined, 1), "}")


def _map(column: pa.Array) -> pa.Array:
    pairs = column.cast(pa.list_(pa.struct([("key", column.type.key_type), ("value", column.type.item_type)])))
    flat = pairs.flatten()
    keys, values = _text(flat.field("key").cast(pa.string())), _or_null(json_of(flat.field("value")))
    return _enclosed("{", _joined(pairs, pc.binary_join_element_wise(keys, values, ":")), "}")


def _struct(column: pa.Array) -> pa.Array:
    members = [
        _enclosed(_name(field.name), _or_null(json_of(pc.struct_field(column, field.name))), "")
        for field in column.type
    ]
    return _enclosed("{", pc.binary_join_element_wise(*members, ","), "}")


def _joined(lists: pa.Array, elements: pa.Array) -> pa.Array:
    """Return the elements of each list with commas between; null for a list that is null."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, elements), ",")
    return pc.if_else(lists.is_valid(), joined, None)


def _text(column: pa.Array) -> pa.Array:
    """Return each text as a JSON string."""
    column = pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(column, r"[\x00-\x1f]")).as_py():
        for control in _CONTROLS:
            column = pc.replace_substring(column, control, _SHORT.get(control, f"\\u{ord(control):04x}"))
    return _enclosed('"', column, '"')


def _name(name: str) -> str:
    return f"{_text(pa.array([name]))[0].as_py()}:"


def _enclosed(before: str, column: pa.Array, after: str) -> pa.Array:
    return pc.binary_join_element_wise(before, column, after, "")


def _or_null(column: pa.Array) -> pa.Array:
    return pc.fill_null(column, "null")
