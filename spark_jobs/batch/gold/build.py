"""The work of one gold run, step by step: what is to be committed comes out, and nothing is committed here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.batch.gold.commits import Commit, prepare_update
from spark_jobs.batch.gold.error_rates import current_error_rates
from spark_jobs.batch.gold.gates import GATES, apply_gates
from spark_jobs.batch.gold.marts import dated_mart_commits, published, undated_mart_commits
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
    """What one run reads and is limited by, and what has come of it so far."""

    spark: SparkSession
    limits: Gold
    registry: Registry
    lake: Lake
    inputs: Inputs
    step: Callable[[str], None]
    commits: list[Commit] = field(default_factory=list)
    verdicts: list[GateResult] = field(default_factory=list)
    published: set[date] = field(default_factory=set)
    waiting: dict[str, int] = field(default_factory=dict)
    candidate: StagedFacts | None = None

    @property
    def held(self) -> set[date]:
        """The dates that a gate of this run holds back."""
        return held_back_dates(self.verdicts)

    @property
    def processed(self) -> int:
        """Rows of Silver that the dates were built from."""
        return self.candidate.processed if self.candidate is not None else 0

    def build_dates(self, days: Collection[date], accepted: Collection[str]) -> None:
        """The facts of these dates, a verdict on each, and the facts and marts of those that pass."""
        calendar_rows = calendar(self.limits.holidays_country)
        self._bring("dim_date", calendar_rows)
        if not days:
            return
        self.step(f"building the facts of {len(days):,} dates")
        self.candidate = made = StagedFacts.build(self.spark, self.lake, self.inputs, days)
        self.step(f"judging {len(days):,} dates by {len(GATES)} gates")
        self.verdicts = apply_gates(made, self.spark.createDataFrame(calendar_rows), self.limits, accepted)
        self.published = set(days) - self.held
        if self.published:
            self._publish(made)

    def _publish(self, made: StagedFacts) -> None:
        dates = pa.array(sorted(self.published), pa.date32())
        for name in FACTS:
            self.commits.append(Commit.of(self.lake.gold(name), made.parts_of(name, self.published), dates))
        self.step(f"computing the marts of {len(self.published):,} dates")
        self._take(dated_mart_commits(made, self.published, self.limits.top_products))

    def build_wholes(self) -> None:
        """What has no date of its own: where anything changed, the marts of all facts, the error rates, and what waits."""
        if self.inputs.is_unchanged and self.candidate is None:
            self.waiting = update_waiting_facts(self.lake.gold("waiting_facts"), self.inputs)[1]
            return
        self.step("computing the marts of all published facts")
        facts, payments = (published(self.spark, self.lake, name, self.candidate, self.published) for name in FACTS)
        customers, products = self._dimensions()
        self._take(undated_mart_commits(self.lake, facts.persist(), payments.persist(), customers, products))
        facts.unpersist()
        payments.unpersist()
        self.step("counting errors and what waits")
        table = self.lake.gold("daily_error_rate")
        self._bring("daily_error_rate", current_error_rates(self.spark, self.registry, self.inputs, table))
        commit, self.waiting = update_waiting_facts(self.lake.gold("waiting_facts"), self.inputs)
        self._take([commit])

    def _dimensions(self) -> tuple[DataFrame, DataFrame]:
        if self.candidate is not None:
            return self.candidate.customers, self.candidate.products
        return self.inputs.frame(self.spark, "customers"), self.inputs.frame(self.spark, "products")

    def release(self) -> None:
        """Let go of what was kept in memory."""
        if self.candidate is not None:
            self.candidate.release()

    def _bring(self, name: str, wanted: pa.Table) -> None:
        table = self.lake.gold(name)
        self._take([prepare_update(table, wanted, all_rows(table, table.schema.names))])

    def _take(self, commits: Iterable[Commit | None]) -> None:
        self.commits += [commit for commit in commits if commit is not None]
