"""Every table and checkpoint of the lake, on one page.

A :class:`Table` is a path, an Arrow schema, its partition columns and the columns whose minimum and maximum are written
into the Delta log for pruning. Nothing here reads or writes data; see ``storage`` for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from schema_registry.contract import CHANGE_COLUMNS
from spark_jobs.errors import UsageError
from spark_jobs.schemas import (
    BATCH_QUALITY,
    BRONZE_META,
    CURRENT_META,
    DEAD_LETTERS,
    DUPLICATES,
    FILES,
    GIVEN,
    SILVER_META,
    VERSION_META,
    arrow_type,
    typed_columns,
)
from spark_jobs.schemas_gold import GOLD, RUNS
from spark_jobs.storage.files import exists
from spark_jobs.storage.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from schema_registry.contract import Contract
    from schema_registry.registry import Subject

#: Row groups of tables of which few rows of many are read.
LOOKUP_ROW_GROUP_ROWS = 4_096
#: Row groups of tables of which whole days are read and replaced.
GOLD_ROW_GROUP_ROWS = 16_384


def of_subject(name: str) -> dict[str, str]:
    """Return the partition of one subject in the tables that all subjects share."""
    return {"subject": name}


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake under one root. Paths only; a table is made with its first write.

    ``landed``: the root whose Bronze and ingest ledger this lake reads, where they are another lake's (see :meth:`shadow`).
    """

    root: Path
    landed: Path | None = None

    def require_exists(self) -> None:
        """UsageError where no stream has made the lake yet."""
        if not exists(self.root):
            raise UsageError(f"there is no lake at {self.root}: run tally stream, or set LAKE_ROOT")

    def shadow(self, subject: str) -> Lake:
        """Return the lake beside this one in which a subject is rebuilt from this one's Bronze."""
        return Lake(self.root / "_shadow" / subject, landed=self.root)

    def swap_journal(self, subject: str) -> Path:
        """Return the journal of a rebuilt subject's swap: written before its first step, removed after its last."""
        return self.root / "_shadow" / subject / "swap.json"

    def bronze(self, subject: Subject) -> Table:
        """Return Bronze, rows as received: one text column per known field (null: absent, '': empty), a map for the rest."""
        known = [(name, pa.string()) for name in subject.known_fields]
        return Table(
            name=f"bronze/{subject.name}",
            path=self._landed_path("bronze", subject.name),
            schema=pa.schema([*BRONZE_META[:1], *known, *BRONZE_META[1:]]),
            partition_by=("ingest_date",),
            stats=("source", "ingested_at"),
            near_unique=("row_id", *subject.latest.key),
        )

    def silver(self, subject: Subject) -> Table:
        """Return the table of a subject that is read most: its accepted events, or the current row of each key."""
        return self.events(subject) if subject.kind == "events" else self.current(subject)

    def accepted(self, subject: Subject) -> Table:
        """Return the table of every accepted row, append-only: the events themselves, or the log of changes."""
        return self.events(subject) if subject.kind == "events" else self.changes(subject)

    def events(self, subject: Subject) -> Table:
        """Return accepted events: the latest contract's typed columns, the derived ones, and what is known of each row."""
        latest = subject.latest
        return Table(
            name=f"silver/{subject.name}",
            path=self._path("silver", subject.name),
            schema=pa.schema([*typed_columns(latest), *SILVER_META]),
            partition_by=("event_date",),
            stats=(latest.event_time,),
            near_unique=("row_id", *latest.key),
        )

    def changes(self, subject: Subject) -> Table:
        """Return the log of accepted changes: change columns, the row after it (or what a partial update names), its origin."""
        latest = subject.latest
        change = [(field.name, arrow_type(field.type)) for field in latest.row_fields[: len(CHANGE_COLUMNS)]]
        return Table(
            name=f"silver/{subject.name}_changes",
            path=self._path("silver", f"{subject.name}_changes"),
            schema=pa.schema([*change, *typed_columns(latest), GIVEN, *SILVER_META]),
            stats=tuple(dict.fromkeys(["change_id", *latest.key, latest.event_time])),
            near_unique=("row_id", "change_id", *latest.key),
        )

    def current(self, subject: Subject) -> Table:
        """Return the current row of every key; a deleted one stays as a tombstone, so that an older change cannot resurrect it."""
        latest = subject.latest
        return Table(
            name=f"silver/{subject.name}",
            path=self._path("silver", subject.name),
            schema=pa.schema([*typed_columns(latest), *CURRENT_META]),
            stats=tuple(dict.fromkeys([*latest.key, *_references(latest)])),
            near_unique=("row_id", "_change_id", *latest.key),
            key_columns=latest.key,
            row_group_rows=LOOKUP_ROW_GROUP_ROWS,
        )

    def history(self, subject: Subject) -> Table | None:
        """Return the versions of every key (SCD type 2), where the contract tracks fields; None where it tracks none."""
        latest = subject.latest
        if not latest.tracked:
            return None
        surrogate = f"{latest.entity}_key"
        return Table(
            name=f"gold/dim_{latest.entity}",
            path=self._path("gold", f"dim_{latest.entity}"),
            schema=pa.schema([(surrogate, pa.int64()), *typed_columns(latest), *VERSION_META]),
            stats=tuple(dict.fromkeys([*latest.key, "valid_from", "valid_to"])),
            near_unique=(surrogate, *latest.key),
            key_columns=(surrogate,),
            row_group_rows=LOOKUP_ROW_GROUP_ROWS,
        )

    def refine_tables(self, subject: Subject) -> tuple[Table, ...]:
        """Return every table that a subject's refine query commits to, in the order of its commits, the books last."""
        ops = (self.duplicates, self.dead_letters)
        with_key = self.tables_with_key(subject) if subject.kind == "changes" else ()
        return (self.accepted(subject), *ops, *with_key, self.batch_quality)

    def tables_with_key(self, subject: Subject) -> tuple[Table, ...]:
        """Return the tables whose rows changes replace by key: the current table, and history where there is one."""
        history = self.history(subject)
        return (self.current(subject),) if history is None else (self.current(subject), history)

    @property
    def dead_letters(self) -> Table:
        """Refused rows with all their reasons, whole, until resolved or discarded."""
        return Table(
            "ops/dead_letters", self._path("ops", "dead_letters"), DEAD_LETTERS, ("subject",), ("source", "ingested_at")
        )

    @property
    def duplicates(self) -> Table:
        """Rows that repeat an accepted one, and which one."""
        return Table("ops/duplicates", self._path("ops", "duplicates"), DUPLICATES, ("subject",), ("source", "key"))

    @property
    def batch_quality(self) -> Table:
        """The books: one row per batch, written last."""
        return Table(
            "ops/batch_quality",
            self._path("ops", "batch_quality"),
            BATCH_QUALITY,
            ("subject",),
            ("batch_id", "query_id", "max_event_time", "started_at"),
        )

    @property
    def files(self) -> Table:
        """The ingest ledger: one row per file read."""
        return Table(
            "ops/files", self._landed_path("ops", "files"), FILES, ("subject",), ("source", "ingested_at", "query_id")
        )

    def gold(self, name: str) -> Table:
        """Return a table of the star or a mart, by its name in ``schemas_gold.GOLD``."""
        gold = GOLD[name]
        return Table(
            name=f"gold/{name}",
            path=self._path("gold", name),
            schema=gold.schema,
            stats=tuple(dict.fromkeys([*gold.key_columns, *gold.stats])),
            near_unique=(),
            key_columns=gold.key_columns,
            row_group_rows=GOLD_ROW_GROUP_ROWS,
        )

    @property
    def runs(self) -> Table:
        """The record of gold runs: one row per run, written last."""
        return Table("ops/runs", self._path("ops", "runs"), RUNS, stats=("run_number", "started_at"), near_unique=())

    @property
    def gold_journal(self) -> Path:
        """The journal of a gold run: written before its first commit, removed after its last."""
        return self.root / "_gold" / "journal.json"

    @property
    def gold_lock(self) -> Path:
        """The file that the one gold run of this lake holds locked."""
        return self.root / "_locks" / "_gold.lock"

    @property
    def publish_lock(self) -> Path:
        """The file that the one publisher of this lake holds locked."""
        return self.root / "_locks" / "_publish.lock"

    @property
    def publish_state(self) -> Path:
        """The publisher's note of its state; Postgres itself says what it shows."""
        return self.root / "_publish" / "state.json"

    def checkpoint(self, subject: str, query: str) -> Path:
        """Return the folder in which Spark keeps the progress of one query of one subject."""
        return self.root / "_checkpoints" / subject / query

    def stream_state(self, subject: str) -> Path:
        """Return the stream's note of the states of a subject's queries; the tables themselves say what is committed."""
        return self.root / "_stream" / f"{subject}.json"

    def lock(self, subject: str) -> Path:
        """Return the file that the one stream writing a subject holds locked."""
        return self.root / "_locks" / f"{subject}.lock"

    def _path(self, layer: str, name: str) -> str:
        return str(self.root / layer / name)

    def _landed_path(self, layer: str, name: str) -> str:
        return str((self.landed or self.root) / layer / name)


def _references(contract: Contract) -> list[str]:
    """Return the fields by which rows of an entity are looked up besides its key: keys of other entities, and times."""
    return [field.name for field in contract.fields if field.type.name in ("bigint", "timestamp")]
