"""The API's errors, and the one JSON form in which all are sent: a sentence, and the parameter that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.responses import JSONResponse

from config.errors import DatabaseError, SetupError
from config.escaping import escape_json

if TYPE_CHECKING:
    from collections.abc import Mapping

Found = TypeVar("Found")


class ServeError(SetupError):
    """The server cannot start with these settings."""


class ApiError(Exception):
    """A request that cannot be answered: its HTTP status, a sentence, and the parameter at fault where there is one."""

    def __init__(self, status: int, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.field = status, sentence, field


class NotFoundError(ApiError):
    """The requested row, product or customer does not exist: 404."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(404, sentence, field)


class PoolTimeoutError(DatabaseError):
    """All connections stayed in use for too long; nothing is wrong with the database."""

    def __init__(self) -> None:
        super().__init__("too many questions wait for the database: ask again in a moment", away=True)


def found_or_404(found: Found | None, sentence: str, field: str) -> Found:
    """Return what was found; NotFoundError with this sentence and parameter where it is None or an empty list."""
    if not found:
        raise NotFoundError(sentence, field)
    return found


class EscapedJSONResponse(JSONResponse):
    """JSON that may quote the request, with control and invisible characters escaped, so that a terminal shows it safely."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return escape_json(super().render(content).decode()).encode()


def error_response(
    status: int, sentence: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error in the form that all of them have: ``{"error": sentence, "field": parameter or null}``."""
    return EscapedJSONResponse({"error": sentence, "field": field}, status, headers)
