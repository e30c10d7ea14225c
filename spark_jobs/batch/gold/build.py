"""Builds the tables of one gold run, step by step, and collects the commits that are then to be made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.batch.gold.commits import Commit, prepare_update
from spark_jobs.batch.gold.error_rates import current_error_rates
from spark_jobs.batch.gold.gates import GATES, apply_gates
from spark_jobs.batch.gold.marts import dated_mart_commits, released_facts, undated_mart_commits
from spark_jobs.batch.gold.record import held_back_dates
from spark_jobs.batch.gold.staged_facts import FACTS, StagedFacts
from spark_jobs.batch.gold.waiting_facts import update_waiting_facts
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.transforms.calendar import calendar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from config.groups import Gold
    from schema_registry.registry import Registry
    from spark_jobs.batch.gold.inputs import Inputs
    from spark_jobs.batch.gold.record import GateResult
    from spark_jobs.lake import Lake


@dataclass(slots=True)
class GoldBuild:
    """One run's inputs and limits, and what it has built so far.

    ``released``: dates that every gate lets pass. ``waiting``: facts that wait for their order, by kind. ``staged``: the facts of
    the dates that are built, None where there are none.
    """

    spark: SparkSession
    limits: Gold
    registry: Registry
    lake: Lake
    inputs: Inputs
    step: Callable[[str], None]
    commits: list[Commit] = field(default_factory=list)
    verdicts: list[GateResult] = field(default_factory=list)
    released: set[date] = field(default_factory=set)
    waiting: dict[str, int] = field(default_factory=dict)
    staged: StagedFacts | None = None

    @property
    def held_back(self) -> set[date]:
        """The dates that a gate of this run holds back."""
        return held_back_dates(self.verdicts)

    @property
    def rows_processed(self) -> int:
        """Rows of Silver that the dates were built from."""
        return self.staged.rows_processed if self.staged is not None else 0

    def build_dates(self, dates: Collection[date], accepted: Collection[str]) -> None:
        """Write the facts of these dates, judge each date, and add the facts and marts of those that pass."""
        calendar_rows = calendar(self.limits.holidays_country)
        self._update_whole("dim_date", calendar_rows)
        if not dates:
            return
        self.step(f"building the facts of {len(dates):,} dates")
        self.staged = staged = StagedFacts.build(self.spark, self.lake, self.inputs, dates)
        self.step(f"judging {len(dates):,} dates by {len(GATES)} gates")
        self.verdicts = apply_gates(staged, self.spark.createDataFrame(calendar_rows), self.limits, accepted)
        self.released = set(dates) - self.held_back
        if self.released:
            self._add_commits_of_passed_dates(staged)

    def _add_commits_of_passed_dates(self, staged: StagedFacts) -> None:
        dates = pa.array(sorted(self.released), pa.date32())
        for name in FACTS:
            self.commits.append(Commit.of(self.lake.gold(name), staged.parts_of(name, self.released), dates))
        self.step(f"computing the marts of {len(self.released):,} dates")
        self._add(dated_mart_commits(staged, self.released, self.limits.top_products))

    def build_undated(self) -> None:
        """Add what has no date of its own, where anything changed: marts of all facts, error rates, waiting facts."""
        if self.inputs.is_unchanged and self.staged is None:
            self.waiting = update_waiting_facts(self.lake.gold("waiting_facts"), self.inputs)[1]
            return
        self.step("computing the marts of all published facts")
        facts, payments = (released_facts(self.spark, self.lake, name, self.staged, self.released) for name in FACTS)
        customers, products = self._dimensions()
        self._add(undated_mart_commits(self.lake, facts.persist(), payments.persist(), customers, products))
        facts.unpersist()
        payments.unpersist()
        self.step("counting errors and what waits")
        mart = self.lake.gold("daily_error_rate")
        self._update_whole("daily_error_rate", current_error_rates(self.spark, self.registry, self.inputs, mart))
        commit, self.waiting = update_waiting_facts(self.lake.gold("waiting_facts"), self.inputs)
        self._add([commit])

    def _dimensions(self) -> tuple[DataFrame, DataFrame]:
        if self.staged is not None:
            return self.staged.customers, self.staged.products
        return self.inputs.frame(self.spark, "customers"), self.inputs.frame(self.spark, "products")

    def unpersist(self) -> None:
        """Let go of what was kept in memory."""
        if self.staged is not None:
            self.staged.unpersist()

    def _update_whole(self, name: str, wanted: pa.Table) -> None:
        table = self.lake.gold(name)
        self._add([prepare_update(table, wanted, all_rows(table, table.schema.names))])

    def _add(self, commits: Iterable[Commit | None]) -> None:
        self.commits += [commit for commit in commits if commit is not None]
