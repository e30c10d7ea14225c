"""Objects that Postgres refuses to make: each is tried on its own, so that the others are made all the same."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg2 import Error

from spark_jobs.publish.errors import RefusedError, describe, is_outage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import cursor as Cursor


class Refusals:
    """Why objects could not be made: reasons by a table's name in the lake, or any other object's name in Postgres."""

    def __init__(self, reasons: dict[str, str] | None = None) -> None:
        self.reasons = reasons or {}

    @contextmanager
    def note(self, cursor: Cursor, *names: str) -> Iterator[None]:
        """Run the block in a savepoint; where it is refused, undo it and note the reason under ``names``.

        An outage is raised. The savepoint is called ``one_thing``.
        """
        cursor.execute("SAVEPOINT one_thing")
        try:
            yield
        except (RefusedError, Error) as error:
            if isinstance(error, Error) and is_outage(error):
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT one_thing")
            self.reasons |= dict.fromkeys(names, describe(error))
        else:
            cursor.execute("RELEASE SAVEPOINT one_thing")
