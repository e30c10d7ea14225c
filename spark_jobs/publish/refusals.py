"""What Postgres refuses, one thing at a time: the transaction goes back to where it was, and the others go on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg2 import Error, errors

from spark_jobs.publish.breaker import is_outage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import cursor as Cursor


class RefusedError(Exception):
    """Something cannot be made in the database as it is; one sentence with the way out."""


class Refusals:
    """Reasons by what they keep from being made: a table by its name in the lake, anything else by its name in Postgres."""

    def __init__(self, reasons: dict[str, str] | None = None) -> None:
        self.reasons = reasons or {}

    @contextmanager
    def one_by_one(self, cursor: Cursor, *names: str) -> Iterator[None]:
        """Do what the block does wholly or, where it is refused, not at all, and note the reason. An outage stays an error."""
        cursor.execute("SAVEPOINT one_thing")
        try:
            yield
        except (RefusedError, Error) as error:
            if isinstance(error, Error) and is_outage(error):
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT one_thing")
            self.reasons |= dict.fromkeys(names, sentence(error))
        else:
            cursor.execute("RELEASE SAVEPOINT one_thing")


def sentence(error: Exception) -> str:
    """The first line; of Postgres without the rows that it may quote after it, and with what it says stands in the way."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if isinstance(error, errors.DependentObjectsStillExist):
        return f"{first}: {'; '.join((error.diag.message_detail or '').splitlines())}"
    return first if isinstance(error, Error | RefusedError) else f"{type(error).__name__}: {first}"
