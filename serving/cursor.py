"""Opaque cursors: where the next page begins, as the sort key of the last row of this one.

Rows that come or go meanwhile shift nothing: the next page holds what sorts after that key.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from serving.errors import AskedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.database import Row

Key = TypeVar("Key")


def encode(key: Sequence[Any]) -> str:
    """The cursor that stands for a sort key."""
    plain = TypeAdapter(tuple[Any, ...]).dump_json(tuple(key))
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def decode(cursor: str | None, kind: TypeAdapter[Key]) -> Key | None:
    """The sort key that a cursor stands for; None without one. AskedError where it is none of ours."""
    if cursor is None:
        return None
    try:
        plain = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if b"\\u0000" not in plain:
            return kind.validate_json(plain, strict=True)
    except (UnicodeEncodeError, binascii.Error, ValidationError):
        pass
    raise AskedError(422, "cursor is not one that a list here has given: leave it out to begin anew", "cursor")


def page(rows: list[Row], limit: int, by: Sequence[str]) -> tuple[list[Row], str | None]:
    """A page of ``limit`` rows out of one more than that were asked for, and the cursor of the next where there is one."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, encode([shown[-1][name] for name in by])
