"""What a published table is: a table of Postgres and the table of the lake that it shows. No database here, and no data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_jobs.publish.names import column_name

if TYPE_CHECKING:
    import pyarrow as pa

    from spark_jobs.publish.checks import Check
    from spark_jobs.storage.table import Table

REPEATED_EVENTS = "repeated_events"
#: The schema that publishing keeps to where POSTGRES_SCHEMA names no other.
SCHEMA = "tallylake"
#: Tables of the schema that publishing needs for itself, and sums that it keeps there.
BOOKKEEPING = ("schema_migrations", "published_tables", REPEATED_EVENTS, "stream_state")
SUMS = ("quality_by_hour", "newest_queries", "newest_batches")


@dataclass(frozen=True, slots=True)
class Target:
    """A table in Postgres: its name, the lake's table that it shows, its columns as the lake types them, and its key.

    ``worker``: which worker publishes it, in turn with that one's other tables. ``hashed``: columns of the key that may be too
    long to be indexed as they are. ``subject``: whose rows these are, where several tables of the lake share one in Postgres.
    ``events``: the key may come again (design, section 5), and then row_id tells rows apart. ``schema``: where it is.
    """

    name: str
    table: Table
    columns: pa.Schema
    key: tuple[str, ...]
    worker: str
    checks: tuple[Check, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    hashed: tuple[str, ...] = ()
    subject: str | None = None
    events: bool = False
    schema: str = SCHEMA

    @property
    def column_names(self) -> list[str]:
        """The names of the columns in Postgres, in their order."""
        return [column_name(name) for name in self.columns.names]

    @property
    def row_identity(self) -> tuple[str, ...]:
        """The columns by which one row of the lake is found again in Postgres."""
        return ("row_id",) if self.events else self.key


@dataclass(frozen=True, slots=True)
class Entity:
    """A subject of changes: its current table, the columns that its view shows, and its history where it has one.

    All by their names in Postgres.
    """

    table: str
    columns: tuple[str, ...]
    history: str | None
    schema: str = SCHEMA
