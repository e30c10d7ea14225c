"""What can go wrong between the lake and Postgres, told apart by what to do about it.

AwayError and FullError: try again later. RefusedError: one thing cannot be made, the others can. StoppedError: publishing
was told to stop. MigrationError and PublishError reach the command line (see ``spark_jobs.errors``).
"""

from __future__ import annotations

from psycopg2 import Error, InterfaceError, OperationalError, errors

from spark_jobs.errors import TallyError


class MigrationError(TallyError):
    """The database cannot be brought to the form that publishing needs."""


class PublishError(TallyError):
    """Something could not be published; the lake has it all the same."""


class AwayError(Exception):
    """Postgres cannot be reached, or went away in the middle: trying again may help."""

    trouble, way_out = "cannot be reached", "start it"


class FullError(AwayError):
    """Postgres has no room for anything new: treated as away until someone makes room."""

    trouble, way_out = "has no room left", "make room"


class RefusedError(Exception):
    """Something cannot be made in the database as it is; one sentence with the way out."""


class StoppedError(Exception):
    """Publishing was told to stop while a transaction was under way; Postgres undoes it."""


def is_outage(error: Error) -> bool:
    """True if the server or the way to it is at fault, and not one table, such as by a lock that someone else holds.

    By SQLSTATE: none is a connection that broke, 08 one that was refused, 53 no room, 57P a server that ends, 58 its system.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = error.pgcode or ""
    return not code or code[:2] in ("08", "53", "58") or code.startswith("57P")


def first_line(error: BaseException) -> str:
    """Return the first line of the message that is not empty, or the error's type where it has no message."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def describe(error: Exception) -> str:
    """Return the error as one line, without the rows that Postgres may quote, and with the objects that stand in the way."""
    line = first_line(error)
    if isinstance(error, errors.DependentObjectsStillExist):
        return f"{line}: {'; '.join((error.diag.message_detail or '').splitlines())}"
    return line if isinstance(error, Error | RefusedError) else f"{type(error).__name__}: {line}"
