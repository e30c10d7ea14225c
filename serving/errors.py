"""What the API answers where it cannot give what was asked for: one sentence, and the parameter that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from config.errors import SetupError
from config.escaping import escape_json

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServeError(SetupError):
    """The server cannot start as things are set."""


class AskedError(Exception):
    """A request that cannot be answered: its HTTP status, a sentence, and the parameter at fault where there is one."""

    def __init__(self, status: int, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.field = status, sentence, field


class NotFoundError(AskedError):
    """There is no such thing."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(404, sentence, field)


class Plain(JSONResponse):
    """JSON that says what was asked with exactly, and does nothing on the terminal of who reads it."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return escape_json(super().render(content).decode()).encode()


def refused(
    status: int, sentence: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer that says so, in the form that all have."""
    return Plain({"error": sentence, "field": field}, status, headers)
