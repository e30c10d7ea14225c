"""Rebuilds a subject's tables from Bronze, by the same code, beside the old ones; compares them, and puts them in their place.

The shadow lies under LAKE_ROOT/_shadow, where no reader looks. Killed before the swap has begun, it is cleared by the next run and
nothing has changed; killed within the swap, the swap is finished by the next run or the next stream (``microbatch.swap``).

A contract that gives a column another type is taken in this way alone: the rebuilt tables bring their columns with them.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.rebuild.compare import Comparison, compare
from spark_jobs.batch.rebuild.contents import VERDICTS, contents
from spark_jobs.batch.rebuild.dead_letters import carry_decisions_over
from spark_jobs.batch.refine_progress import waiting_rows, waiting_since
from spark_jobs.errors import TallyError, UsageError
from spark_jobs.lake import Lake
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.microbatch.swap import begin_swap, discard_shadow, finish_swap, takes_schema
from spark_jobs.queries.application import Application, Listener, freeze
from spark_jobs.storage.add_actions import count_rows
from spark_jobs.storage.create import changed_types, ensure_table
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Registry, Subject
    from spark_jobs.queries.books import Books
    from spark_jobs.storage.table import Table


class IncompleteError(TallyError):
    """The rebuild does not account for every row, so the live tables stay."""


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """The result of a rebuild.

    ``judged``: rows of Bronze that it read; ``waiting``: rows that the live tables had not refined (left out by a verification,
    part of a rebuild); ``before``: each swapped table's version with the old content; ``kept_checkpoint``: the old one's name;
    ``reopened``: dead letters that had been resolved and are open again; ``finished``: an interrupted swap was finished first;
    ``retyped``: by table, columns that had another type, with the type before and the one now. Of such a table only the
    columns that both sides have are compared, by value.
    """

    subject: str
    kind: str
    verified_only: bool
    judged: int
    waiting: int
    compared: tuple[Comparison, ...]
    before: dict[str, int] = field(default_factory=dict)
    kept_checkpoint: str = ""
    reopened: int = 0
    finished: bool = False
    retyped: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """True if the rebuilt content is the live one."""
        return not any(table.differing for table in self.compared)

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "compared"}
        return {**plain, "equal": self.equal, "compared": [table.to_json() for table in self.compared]}


@dataclass(slots=True)
class Rebuild:
    """One subject's rebuild; ``report`` is called with the books of each batch."""

    spark: SparkSession
    settings: Settings
    registry: Registry
    name: str
    report: Callable[[Books], None]
    lake: Lake = field(init=False)
    subject: Subject = field(init=False)

    def __post_init__(self) -> None:
        self.lake = Lake(self.settings.lake.root.resolve())
        self.subject = self.registry.subject(self.name)

    def run(self, *, verify: bool) -> RebuildResult:
        """Rebuild and compare; without ``verify``, put the rebuilt tables in the live ones' place, else leave no trace.

        UsageError where there is no Bronze, or where to verify cannot do as a column has another type than its contract says,
        BusyError where the subject is being streamed, IncompleteError where the rebuild would lose rows.
        """
        if open_table(self.lake.bronze(self.subject).path) is None:
            raise UsageError(
                f"there is no Bronze of '{self.name}' in {self.lake.root}: run tally stream, or set LAKE_ROOT"
            )
        started = time.perf_counter()
        with sole_writer(self.lake.lock(self.name), self.name):
            finished = finish_swap(self.lake, self.name) is not None
            discard_shadow(self.lake, self.name)
            try:
                result = self._verify() if verify else self._rebuild_and_swap()
            finally:
                discard_shadow(self.lake, self.name)
        return replace(result, finished=finished, seconds=time.perf_counter() - started)

    def _verify(self) -> RebuildResult:
        self._require_types()
        self._require_columns()
        waiting, until = waiting_rows(self.lake, self.subject), waiting_since(self.lake, self.subject)
        return RebuildResult(
            subject=self.name,
            kind=self.subject.kind,
            verified_only=True,
            judged=self._refine(until),
            waiting=waiting if until is not None else 0,
            compared=self._compare({}),
        )

    def _rebuild_and_swap(self) -> RebuildResult:
        changed = self._retyped_tables()
        for table in (self.lake.bronze(self.subject), *self.lake.refine_tables(self.subject)):
            if table.name not in changed:
                ensure_table(table)
        waiting, judged = waiting_rows(self.lake, self.subject), self._refine(None)
        compared = self._compare({name: _missing_columns(table) for name, table in changed.items()})
        self._require_all(judged, compared)
        reopened = carry_decisions_over(self.lake.dead_letters, self._shadow.dead_letters, self.name)
        freeze(self.registry, self.subject)
        types = {name: changed_types(table) for name, table in changed.items()}
        begin_swap(self.lake, self.subject)
        swap = finish_swap(self.lake, self.name)
        assert swap is not None
        return RebuildResult(
            subject=self.name,
            kind=self.subject.kind,
            verified_only=False,
            judged=judged,
            waiting=waiting,
            compared=compared,
            before={table.table: table.before for table in swap.tables},
            kept_checkpoint=swap.kept_checkpoint,
            reopened=reopened,
            retyped=types,
        )

    def _retyped_tables(self) -> dict[str, Table]:
        """Return the tables, by name, that cannot be widened to the contract's types, and so take the rebuilt tables' columns."""
        return {table.name: table for table in self.lake.refine_tables(self.subject) if takes_schema(table)}

    @property
    def _shadow(self) -> Lake:
        return self.lake.shadow(self.name)

    def _refine(self, until: datetime | None) -> int:
        """Judge Bronze into the shadow; return the rows read. IncompleteError where a row is unaccounted for."""
        books: list[Books] = []

        def note(batch: Books) -> None:
            books.append(batch)
            self.report(batch)

        listener = Listener(lambda _: None, note)
        shadow = Application(
            self.spark, self.settings, self.registry, [self.name], listener, threading.Event(), self._shadow
        )
        shadow.refine_alone(until)
        lost = sum(batch.unaccounted for batch in books)
        if lost:
            raise IncompleteError(
                f"{lost:,} rows of '{self.name}' are unaccounted for in the rebuild: nothing was changed"
            )
        return sum(batch.rows_read for batch in books)

    def _compare(self, left_out: Mapping[str, set[str]]) -> tuple[Comparison, ...]:
        sides = [list(contents(self.spark, lake, self.subject, left_out)) for lake in (self.lake, self._shadow)]
        return compare(*sides)

    def _require_all(self, judged: int, compared: tuple[Comparison, ...]) -> None:
        """Refuse to lose rows in the swap: all of Bronze must be judged, and every judged row of the live tables be in Bronze."""
        bronze = count_rows(self.lake.bronze(self.subject))
        if judged < bronze:
            raise IncompleteError(
                f"the rebuild of '{self.name}' read {judged:,} of {bronze:,} rows: nothing was changed"
            )
        missing = next(table.only_live for table in compared if table.table == VERDICTS)
        if missing:
            raise IncompleteError(
                f"{missing:,} rows of '{self.name}' that were judged are not in Bronze, so the rebuild would lose them: nothing "
                f"was changed; `tally rebuild {self.name} --verify` names them, and a backup of Bronze has them"
            )

    def _require_types(self) -> None:
        """Refuse to verify where a column has another type, as the content cannot be the same then."""
        for name, table in self._retyped_tables().items():
            column, (is_, should) = next(iter(changed_types(table).items()))
            raise UsageError(
                f"{name}: column '{column}' is {is_} in the table but {should} in the contract, so there is nothing to verify "
                f"against: run `tally rebuild {self.name}` without --verify to take the type in"
            )

    def _require_columns(self) -> None:
        """Refuse to verify where Bronze lacks columns of a new contract, as it would have to be changed to get them."""
        bronze = open_table(self.lake.bronze(self.subject).path)
        have = {column.name for column in bronze.schema().fields} if bronze is not None else set()
        missing = [name for name in self.lake.bronze(self.subject).schema.names if name not in have]
        if missing:
            raise UsageError(
                f"Bronze of '{self.name}' does not have {', '.join(missing)} yet, which its contract names: run "
                f"`tally stream {self.name} --once`, then verify again"
            )


def _missing_columns(table: Table) -> set[str]:
    """Return the contract's columns that the table does not have."""
    existing = open_table(table.path)
    assert existing is not None
    return set(table.schema.names) - {column.name for column in existing.schema().fields}
