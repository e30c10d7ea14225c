"""Opaque cursors for paged lists: where the next page begins, as the sort key of the last row of this one.

Rows that are added or removed meanwhile shift nothing: the next page holds what sorts after that key.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from serving.errors import ApiError
from serving.models.common import ApiModel, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.database import Row

Key = TypeVar("Key")
Item = TypeVar("Item", bound=ApiModel)


def encode(key: Sequence[Any]) -> str:
    """Return the cursor of a sort key: its JSON, base64url without padding."""
    plain = TypeAdapter(tuple[Any, ...]).dump_json(tuple(key))
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def decode(cursor: str | None, kind: TypeAdapter[Key]) -> Key | None:
    """Return the sort key of a cursor; None without one. ApiError (422) where no list here has given it."""
    if cursor is None:
        return None
    try:
        plain = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if b"\\u0000" not in plain:
            return kind.validate_json(plain, strict=True)
    except (UnicodeEncodeError, binascii.Error, ValidationError):
        pass
    raise ApiError(422, "cursor is not one that a list here has given: leave it out to begin anew", "cursor")


def split_page(rows: list[Row], limit: int, by: Sequence[str]) -> tuple[list[Row], str | None]:
    """Return the first ``limit`` rows, and the cursor of the next page where there are more; ``by`` are the key's columns."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, encode([shown[-1][name] for name in by])


def page_of(model: type[Item], rows: list[Row], limit: int, by: Sequence[str]) -> Page[Item]:
    """Return a page of a list as the API sends it. ``rows``: up to one more than ``limit``, sorted by the columns ``by``."""
    shown, following = split_page(rows, limit, by)
    return Page(items=model.from_rows(shown), next=following)
