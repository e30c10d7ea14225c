"""JSON lines as text: one object a line, each value exactly as written, nested ones as JSON text."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from spark_jobs.sources.columns import Chunk, Unread
from spark_jobs.sources.opened import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BOM = b"\xef\xbb\xbf"


class _Number(str):
    """A number's own text: 1.10 stays 1.10."""

    __slots__ = ()


class _TwiceError(ValueError):
    """An object that names a field twice."""


def read_jsonl(blocks: Iterable[bytes], known: Sequence[str]) -> Iterator[Chunk]:
    """The rows of one JSON-lines file. A line that is no object, or names a field twice, is unread and kept.

    null counts as given and empty, like an empty CSV cell; a field that a row does not name is absent.
    """
    position = 0
    for lines in _lines(blocks):
        chunk = _chunk(lines, position, known)
        position += len(lines)
        if chunk.rows:
            yield chunk


def _lines(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest, first = b"", True
    for block in blocks:
        data = rest + (block.removeprefix(BOM) if first else block)
        first = False
        *whole, rest = data.split(b"\n")
        yield [line for line in whole if line.strip()]
    if rest.strip():
        yield [rest]


def _chunk(lines: list[bytes], position: int, known: Sequence[str]) -> Chunk:
    positions: list[int] = []
    rows: list[dict[str, str]] = []
    unread: list[Unread] = []
    for place, line in enumerate(lines, position + 1):
        row = _row(line)
        if isinstance(row, dict):
            positions.append(place)
            rows.append(row)
        else:
            unread.append(Unread(place, (row,), visible(line.rstrip(b"\r"))))
    if not rows:
        return Chunk(unread=tuple(unread))
    names = [name for name in known if any(name in row for row in rows)]
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return Chunk(np.array(positions, np.int64), columns, _rest(rows, frozenset(known)), tuple(unread))


def _row(line: bytes) -> dict[str, str] | tuple[str, str | None, str]:
    try:
        value = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return ("encoding", None, f"byte 0x{line[error.start]:02X} at {error.start + 1} is no UTF-8")
    except _TwiceError as error:
        return ("duplicate_header", str(error), f"the object names '{error}' more than once")
    except (ValueError, RecursionError) as error:
        return ("unreadable", None, f"not JSON: {error}")
    if not isinstance(value, dict):
        return ("unreadable", None, "the line is JSON, but no object")
    return {name: _text(item) for name, item in value.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise _TwiceError(next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1))
    return row


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_Number, parse_int=_Number, parse_constant=_Number, strict=True
)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    return _json(value)


def _json(value: Any) -> str:
    """JSON text again, with each number as it was written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_json(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _rest(rows: list[dict[str, str]], known: frozenset[str]) -> pa.Array | None:
    maps = [[(k, v) for k, v in row.items() if k not in known] or None for row in rows]
    return pa.array(maps, pa.map_(pa.string(), pa.string())) if any(maps) else None
