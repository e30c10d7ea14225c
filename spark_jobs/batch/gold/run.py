"""A gold run: the dates whose inputs changed are built again, judged, and published where every gate lets them.

    GoldRun(spark, settings, registry).run(date(2026, 3, 1))

Facts are written before they are judged, and visible only once they are committed: what a date held before stays published as
long as a gate holds the date back. All commits are written down before the first is made (``commits``), so a run killed anywhere
has either changed nothing or is finished by the next. Run twice, the second finds nothing changed and commits its record alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from spark_jobs.batch.gold.changed_dates import all_dates, changed_dates
from spark_jobs.batch.gold.commits import begin, finish
from spark_jobs.batch.gold.inputs import Inputs, star
from spark_jobs.batch.gold.judge import GATES
from spark_jobs.batch.gold.record import HELD, PUBLISHED, UNCHANGED, RunRecord, standing
from spark_jobs.batch.gold.work import Work
from spark_jobs.errors import UsageError
from spark_jobs.lake import Lake
from spark_jobs.microbatch.lock import sole_writer
from spark_jobs.schemas_gold import GOLD
from spark_jobs.storage.attempt import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.batch.gold.record import Standing

RUN, BACKFILL = "run", "backfill"


def _silent(_: str) -> None:
    """No one is told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked: the dates from ``start`` (None: the first) to ``end`` that changed, or all of them.

    ``accepted``: gates that hold nothing back this time.
    """

    command: str
    start: date | None
    end: date
    accepted: tuple[str, ...] = ()
    everything: bool = False

    def holds(self, day: date) -> bool:
        """Whether a date is asked for."""
        return (self.start is None or self.start <= day) and day <= self.end

    def retries(self, day: date) -> bool:
        """Whether a date that is held back, and of which nothing changed, is judged again: only where it is asked for itself."""
        return self.holds(day) and (self.command == BACKFILL or day == self.end or bool(self.accepted))


@dataclass(slots=True)
class GoldRun:
    """Gold of one lake. ``step`` is told what is being done."""

    spark: SparkSession
    settings: Settings
    registry: Registry
    step: Callable[[str], None] = _silent
    lake: Lake = field(init=False)

    def __post_init__(self) -> None:
        self.lake = Lake(self.settings.lake.root.resolve())

    def run(self, day: date, *, accepted: Collection[str] = (), everything: bool = False) -> RunRecord:
        """Bring every date up to this one up to date."""
        return self(Asked(RUN, None, day, tuple(accepted), everything))

    def backfill(
        self, start: date, end: date, *, accepted: Collection[str] = (), everything: bool = False
    ) -> RunRecord:
        """Bring the dates from ``start`` to ``end`` up to date; those outside that changed stay pending."""
        return self(Asked(BACKFILL, start, end, tuple(accepted), everything))

    def __call__(self, asked: Asked) -> RunRecord:
        """Do what is asked. UsageError as of :func:`check`; BusyError where another run is under way."""
        check(self.lake, self.registry, asked.accepted)
        with sole_writer(self.lake.gold_lock, "gold", "built in"):
            self.step("finishing an interrupted run")
            finish(self.lake, self.registry, self._records, self.step)
            return self._publish(asked)

    def _publish(self, asked: Asked) -> RunRecord:
        """Build, judge, and commit what passes; the record says all of it."""
        began, started_at, before = time.perf_counter(), datetime.now(UTC), standing(self.lake)
        inputs = Inputs.of(self.lake, self.registry, {} if asked.everything else before.inputs)
        work = Work(self.spark, self.settings.gold, self.registry, self.lake, inputs, self.step)
        due, wanted = self._dates(asked, before, inputs)
        with attempt(self.lake.gold(name) for name in GOLD):
            try:
                work.build_dates(wanted, asked.accepted)
                work.build_wholes()
            finally:
                work.release()
            record = _record(asked, before, due, wanted, work, started_at)
            begin(self.lake, work.commits, record)
        done = finish(self.lake, self.registry, self._records, self.step, began)
        assert done is not None
        return done

    def _dates(self, asked: Asked, before: Standing, inputs: Inputs) -> tuple[set[date], set[date]]:
        """The dates that changed and were not built since; and those to build now, with those to be judged once more."""
        self.step("finding the dates that changed")
        changed = changed_dates(self.lake, inputs)
        due = (all_dates(self.lake, inputs) if changed is None else changed) | before.pending
        again = {day for day in before.held if asked.retries(day)}
        return due, {day for day in due if asked.holds(day)} | again

    @property
    def _records(self) -> Path:
        return records(self.settings)


def check(lake: Lake, registry: Registry, accepted: Collection[str]) -> None:
    """What a run is refused for before it begins, told without Spark.

    UsageError where no gate has an accepted one's name, there is no lake, or the contracts lack what the star is made of.
    """
    for name in accepted:
        if name not in GATES:
            raise UsageError(f"there is no gate '{name}': the gates are {', '.join(GATES)}")
    if not lake.root.exists():
        raise UsageError(f"there is no lake at {lake.root}: run tally stream, or set LAKE_ROOT")
    star(lake, registry)


def records(settings: Settings) -> Path:
    """Where each run leaves its record as JSON."""
    return settings.lake.logs / "gold"


def _record(
    asked: Asked, before: Standing, due: set[date], wanted: set[date], work: Work, started_at: datetime
) -> RunRecord:
    """What the run did, before its commits: their rows are those that were written for them."""
    number = before.run_number + 1
    return RunRecord(
        run_id=f"{asked.end:%Y%m%d}-{number:06}-{started_at:%Y%m%dT%H%M%SZ}",
        lineage=before.lineage,
        run_number=number,
        command=asked.command,
        run_date=asked.end,
        start_date=asked.start,
        end_date=asked.end,
        started_at=started_at,
        status=HELD if work.held else PUBLISHED if work.commits else UNCHANGED,
        processed_events_count=work.processed,
        rows_written={f"gold/{commit.table}": commit.rows for commit in work.commits},
        dates_built=tuple(sorted(work.published)),
        dates_held=tuple(sorted(work.held | (before.held - due - wanted))),
        dates_pending=tuple(sorted(due - wanted)),
        waiting_lines=work.waiting["line"],
        waiting_payments=work.waiting["payment"],
        gates=tuple(work.verdicts),
        inputs=work.inputs.now,
    )
