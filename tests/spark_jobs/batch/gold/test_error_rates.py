"""Error rates kept up to date by changes are those counted from all rows, whatever became of rows and dead letters meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from support.gold_lake import commit_prepared
from support.lakes import Workspace, new_workspace

from spark_jobs.batch.gold.commits import prepare_update
from spark_jobs.batch.gold.error_rates import current_error_rates
from spark_jobs.batch.gold.inputs import Inputs
from spark_jobs.storage.append import append_once
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

    from spark_jobs.storage.difference import TableVersion
    from spark_jobs.storage.table import Table

Rates = list[tuple[Any, ...]]
ONE, TWO, THREE, FOUR, CAME = (date(2026, 3, day) for day in (1, 2, 3, 4, 20))
EVENTS, PRODUCTS = "ecommerce_events", "products"


@dataclass
class Books:
    """What was accepted and refused, and the mart as one run after another leaves it."""

    workspace: Workspace
    spark: SparkSession
    writes: int = 0
    runs: int = 0
    last: Mapping[str, TableVersion] = field(default_factory=dict)

    @property
    def mart(self) -> Table:
        return self.workspace.lake.gold("daily_error_rate")

    def accept(self, subject: str, *days: date) -> None:
        self._append(
            self.workspace.lake.accepted(self.workspace.subject(subject)), [{"event_date": day} for day in days]
        )

    def refuse(self, row_id: str, subject: str, day: date | None) -> None:
        """A letter whose payload spells this day, or cannot be read."""
        name = self.workspace.subject(subject).latest.event_time
        payload = [(name, f"{day}T12:00:00Z" if day else "soon")]
        came = datetime(2026, 3, 20, tzinfo=UTC)
        row = {"row_id": row_id, "subject": subject, "payload": payload, "ingested_at": came, "status": "open"}
        self._append(self.workspace.lake.dead_letters, [row])

    def settle(self, row_id: str, status: str) -> None:
        """The letter's row is written again with another status."""
        letters = DeltaTable(self.workspace.lake.dead_letters.path)
        letters.update(updates={"status": f"'{status}'"}, predicate=f"row_id = '{row_id}'")

    def run(self) -> Rates:
        """The mart after a run that knows what the last one read."""
        inputs = self._inputs(self.last)
        wanted = current_error_rates(self.spark, self.workspace.registry, inputs, self.mart)
        commit = prepare_update(self.mart, wanted, all_rows(self.mart, self.mart.schema.names))
        self.runs += 1
        if commit is not None:
            commit_prepared(self.mart, commit, self.runs)
        self.last = inputs.now
        return rates(wanted)

    def from_everything(self) -> Rates:
        return rates(current_error_rates(self.spark, self.workspace.registry, self._inputs({}), self.mart))

    def without_spark(self) -> Rates:
        none = cast("SparkSession", None)
        return rates(current_error_rates(none, self.workspace.registry, self._inputs(self.last), self.mart))

    def _inputs(self, last: Mapping[str, TableVersion]) -> Inputs:
        return Inputs.of(self.workspace.lake, self.workspace.registry, last)

    def _append(self, table: Table, rows: list[dict[str, Any]]) -> None:
        self.writes += 1
        plain = [{**dict.fromkeys(table.schema.names), **row} for row in rows]
        parts = write_parts(table, pa.Table.from_pylist(plain, schema=table.schema))
        append_once(table, parts, writer="test", version=self.writes)


def rates(wanted: pa.Table) -> Rates:
    return sorted(tuple(row.values()) for row in wanted.to_pylist())


@dataclass(frozen=True, slots=True)
class Story:
    """The rates after a first run; after a second, told from what changed and from everything; and where nothing changed."""

    first: Rates
    second: Rates
    everything: Rates
    unchanged: Rates


@pytest.fixture(scope="module")
def story(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Story:
    books = Books(new_workspace(tmp_path_factory.mktemp("books")), spark)
    books.accept(EVENTS, ONE, ONE, TWO)
    books.accept(PRODUCTS, ONE)
    books.refuse("a", EVENTS, ONE)
    books.refuse("b", PRODUCTS, None)
    books.refuse("c", EVENTS, THREE)
    books.refuse("d", PRODUCTS, ONE)
    first = books.run()
    books.accept(EVENTS, TWO, FOUR)
    books.refuse("e", EVENTS, TWO)
    books.refuse("f", EVENTS, None)
    books.settle("a", "discarded")
    for row_id in ("c", "d"):
        books.settle(row_id, "resolved")
    return Story(first, books.run(), books.from_everything(), books.without_spark())


def test_a_first_run_counts_what_was_accepted_and_refused_by_day_and_subject(story: Story) -> None:
    assert story.first == [
        (ONE, EVENTS, 2, 1, Decimal("0.333333")),
        (ONE, PRODUCTS, 1, 1, Decimal("0.500000")),
        (TWO, EVENTS, 1, 0, Decimal("0.000000")),
        (THREE, EVENTS, 0, 1, Decimal("1.000000")),
        (CAME, PRODUCTS, 0, 1, Decimal("1.000000")),
    ]


def test_what_came_in_since_is_added_and_what_was_resolved_taken_off(story: Story) -> None:
    assert story.second == [
        (ONE, EVENTS, 2, 1, Decimal("0.333333")),  # a discarded letter stands
        (ONE, PRODUCTS, 1, 0, Decimal("0.000000")),
        (TWO, EVENTS, 2, 1, Decimal("0.333333")),
        (FOUR, EVENTS, 1, 0, Decimal("0.000000")),
        (CAME, EVENTS, 0, 1, Decimal("1.000000")),
        (CAME, PRODUCTS, 0, 1, Decimal("1.000000")),
    ]


def test_the_same_is_counted_from_everything(story: Story) -> None:
    assert story.second == story.everything


def test_where_nothing_changed_the_mart_stays_without_asking_spark(story: Story) -> None:
    assert story.unchanged == story.second
