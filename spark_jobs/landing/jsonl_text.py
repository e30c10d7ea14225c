"""JSON lines as text: one object a line, each value exactly as written, nested ones as JSON text."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from spark_jobs.landing.chunks import Chunk, UnreadRow
from spark_jobs.landing.limits import DEFAULTS, too_large_reason
from spark_jobs.landing.line_blocks import line_blocks
from spark_jobs.landing.open_file import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spark_jobs.landing.limits import Limits, Reason


class _Number(str):
    """A number's own text: 1.10 stays 1.10."""

    __slots__ = ()


class _TwiceError(ValueError):
    """An object names a field twice; the message is the field."""


def read_jsonl(blocks: Iterable[bytes], known: Sequence[str], limits: Limits = DEFAULTS) -> Iterator[Chunk]:
    """Yield the rows of one JSON-lines file. A line that is no object, names a field twice or too many is unread and kept.

    null counts as given and empty, like an empty CSV cell; a field that a row does not name is absent.
    """
    position = 0
    for data, is_piece in line_blocks(blocks, limits):
        lines = [line for line in data.split(b"\n") if line.strip()]
        chunk = _piece_of_line(data, position, limits) if is_piece else _chunk(lines, position, known, limits)
        position += chunk.rows
        if chunk.rows:
            yield chunk


def _piece_of_line(piece: bytes, position: int, limits: Limits) -> Chunk:
    reason = too_large_reason("line_bytes", f"a piece of a line of more than {limits.line_bytes:,} bytes")
    return Chunk(unread=(UnreadRow(position + 1, (reason,), visible_text(piece.rstrip(b"\r\n"))),))


def _chunk(lines: list[bytes], position: int, known: Sequence[str], limits: Limits) -> Chunk:
    positions: list[int] = []
    rows: list[dict[str, str]] = []
    unread: list[UnreadRow] = []
    for place, line in enumerate(lines, position + 1):
        found = _row(line, limits)
        if isinstance(found, dict):
            positions.append(place)
            rows.append(found)
        else:
            unread.append(UnreadRow(place, (found,), visible_text(line.rstrip(b"\r"))))
    if not rows:
        return Chunk(unread=tuple(unread))
    names = [name for name in known if any(name in row for row in rows)]
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return Chunk(np.array(positions, np.int64), columns, _rest(rows, frozenset(known)), tuple(unread))


def _row(line: bytes, limits: Limits) -> dict[str, str] | Reason:
    """Return the line's fields as text, or the reason why it cannot be read."""
    try:
        value = _DECODER.decode(line.decode("utf-8"))
        if not isinstance(value, dict):
            return ("unreadable", None, "the line is JSON, but no object")
        if (beyond := limits.check_names(list(value))) is not None:
            return beyond
        row = {name: _text(item) for name, item in value.items()}
        if b"\\u" in line:
            "".join((*row, *row.values())).encode("utf-8")
    except UnicodeDecodeError as error:
        return ("encoding", None, f"byte 0x{line[error.start]:02X} at {error.start + 1} is no UTF-8")
    except UnicodeEncodeError:
        return ("encoding", None, "an escape is half of a surrogate pair, which is no character")
    except _TwiceError as error:
        return ("duplicate_header", _field_of(error), f"the object names '{_field_of(error)}' more than once")
    except RecursionError:
        return ("unreadable", None, "the JSON is nested too deeply")
    except ValueError as error:
        return ("unreadable", None, f"not JSON: {error}")
    return row


def _field_of(error: _TwiceError) -> str:
    return str(error).encode("utf-8", errors="backslashreplace").decode("utf-8")


def _reject_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise _TwiceError(next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1))
    return row


_DECODER = json.JSONDecoder(
    object_pairs_hook=_reject_repeated, parse_float=_Number, parse_int=_Number, parse_constant=_Number, strict=True
)


def _text(value: Any) -> str:
    """Return a value as the text of a cell: null is empty, a string itself, anything else JSON text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    return _json(value)


def _json(value: Any) -> str:
    """Return JSON text again, with each number as it was written."""
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
