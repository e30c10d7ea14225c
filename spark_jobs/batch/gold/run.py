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

from spark_jobs.batch.gold.build import GoldBuild
from spark_jobs.batch.gold.changed_dates import all_dates, changed_dates
from spark_jobs.batch.gold.commits import begin, finish
from spark_jobs.batch.gold.gates import GATES
from spark_jobs.batch.gold.inputs import Inputs, star
from spark_jobs.batch.gold.record import HELD, PUBLISHED, UNCHANGED, RunRecord, read_gold_state
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
    from spark_jobs.batch.gold.record import GoldState

RUN, BACKFILL = "run", "backfill"


def _silent(_: str) -> None:
    """No one is told."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run is request: the dates from ``start`` (None: the first) to ``end`` that changed, or all of them.

    ``accepted``: gates that hold nothing back this time.
    """

    command: str
    start: date | None
    end: date
    accepted: tuple[str, ...] = ()
    everything: bool = False

    def holds(self, day: date) -> bool:
        """Whether a date is request for."""
        return (self.start is None or self.start <= day) and day <= self.end

    def retries(self, day: date) -> bool:
        """Whether a date that is held back, and of which nothing changed, is judged again: only where it is request for itself."""
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
        return self(RunRequest(RUN, None, day, tuple(accepted), everything))

    def backfill(
        self, start: date, end: date, *, accepted: Collection[str] = (), everything: bool = False
    ) -> RunRecord:
        """Bring the dates from ``start`` to ``end`` up to date; those outside that changed stay pending."""
        return self(RunRequest(BACKFILL, start, end, tuple(accepted), everything))

    def __call__(self, request: RunRequest) -> RunRecord:
        """Do what is request. UsageError as of :func:`check_request`; BusyError where another run is under way."""
        check_request(self.lake, self.registry, request.accepted)
        with sole_writer(self.lake.gold_lock, "gold", "built in"):
            self.step("finishing an interrupted run")
            finish(self.lake, self.registry, self._records, self.step)
            return self._publish(request)

    def _publish(self, request: RunRequest) -> RunRecord:
        """Build, judge, and commit what passes; the record says all of it."""
        began, started_at, before = time.perf_counter(), datetime.now(UTC), read_gold_state(self.lake)
        inputs = Inputs.of(self.lake, self.registry, {} if request.everything else before.inputs)
        build = GoldBuild(self.spark, self.settings.gold, self.registry, self.lake, inputs, self.step)
        due, wanted = self._dates(request, before, inputs)
        with attempt(self.lake.gold(name) for name in GOLD):
            try:
                build.build_dates(wanted, request.accepted)
                build.build_wholes()
            finally:
                build.release()
            record = _record(request, before, due, wanted, build, started_at)
            begin(self.lake, build.commits, record)
        done = finish(self.lake, self.registry, self._records, self.step, began)
        assert done is not None
        return done

    def _dates(self, request: RunRequest, before: GoldState, inputs: Inputs) -> tuple[set[date], set[date]]:
        """The dates that changed and were not built since; and those to build now, with those to be judged once more."""
        self.step("finding the dates that changed")
        changed = changed_dates(self.lake, inputs)
        due = (all_dates(self.lake, inputs) if changed is None else changed) | before.pending
        again = {day for day in before.held if request.retries(day)}
        return due, {day for day in due if request.holds(day)} | again

    @property
    def _records(self) -> Path:
        return records_folder(self.settings)


def check_request(lake: Lake, registry: Registry, accepted: Collection[str]) -> None:
    """What a run is refused for before it begins, told without Spark.

    UsageError where no gate has an accepted one's name, there is no lake, or the contracts lack what the star is made of.
    """
    for name in accepted:
        if name not in GATES:
            raise UsageError(f"there is no gate '{name}': the gates are {', '.join(GATES)}")
    lake.require_exists()
    star(lake, registry)


def records_folder(settings: Settings) -> Path:
    """Where each run leaves its record as JSON."""
    return settings.lake.logs / "gold"


def _record(
    request: RunRequest, before: GoldState, due: set[date], wanted: set[date], build: GoldBuild, started_at: datetime
) -> RunRecord:
    """What the run did, before its commits: their rows are those that were written for them."""
    number = before.run_number + 1
    return RunRecord(
        run_id=f"{request.end:%Y%m%d}-{number:06}-{started_at:%Y%m%dT%H%M%SZ}",
        lineage=before.lineage,
        run_number=number,
        command=request.command,
        run_date=request.end,
        start_date=request.start,
        end_date=request.end,
        started_at=started_at,
        status=HELD if build.held else PUBLISHED if build.commits else UNCHANGED,
        processed_events_count=build.processed,
        rows_written={f"gold/{commit.table}": commit.rows for commit in build.commits},
        dates_built=tuple(sorted(build.published)),
        dates_held=tuple(sorted(build.held | (before.held - due - wanted))),
        dates_pending=tuple(sorted(due - wanted)),
        waiting_lines=build.waiting["line"],
        waiting_payments=build.waiting["payment"],
        gates=tuple(build.verdicts),
        inputs=build.inputs.now,
    )
