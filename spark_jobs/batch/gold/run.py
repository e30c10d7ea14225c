"""A gold run: build the dates whose inputs changed again, judge them, and release those that every gate lets pass.

    GoldRun(spark, settings, registry).run(date(2026, 3, 1))

Facts are written before they are judged, and visible only once they are committed: what a date showed before stays published as
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
from spark_jobs.batch.gold.inputs import Inputs, star_tables
from spark_jobs.batch.gold.record import HELD_BACK, PUBLISHED, UNCHANGED, RunRecord, read_gold_state
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


def _ignore_step(_: str) -> None:
    """Ignore the step."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The dates that a run is to bring up to date: those from ``start`` (None: the first) to ``end`` that changed.

    ``accepted``: gates that hold nothing back this time. ``everything``: take all dates for changed.
    """

    command: str
    start: date | None
    end: date
    accepted: tuple[str, ...] = ()
    everything: bool = False

    def covers(self, day: date) -> bool:
        """True if the date is between start and end."""
        return (self.start is None or self.start <= day) and day <= self.end

    def retries(self, day: date) -> bool:
        """True if a date that is held back is judged again though nothing of it changed: only where it is asked for itself."""
        return self.covers(day) and (self.command == BACKFILL or day == self.end or bool(self.accepted))


@dataclass(slots=True)
class GoldRun:
    """Gold of one lake. ``step`` is called with what is being done, in words."""

    spark: SparkSession
    settings: Settings
    registry: Registry
    step: Callable[[str], None] = _ignore_step
    lake: Lake = field(init=False)

    def __post_init__(self) -> None:
        self.lake = Lake(self.settings.lake.root.resolve())

    def run(self, day: date, *, accepted: Collection[str] = (), everything: bool = False) -> RunRecord:
        """Bring every date up to this one up to date. Errors as of :meth:`_execute`."""
        return self._execute(RunRequest(RUN, None, day, tuple(accepted), everything))

    def backfill(
        self, start: date, end: date, *, accepted: Collection[str] = (), everything: bool = False
    ) -> RunRecord:
        """Bring the dates from ``start`` to ``end`` up to date; those outside that changed stay pending."""
        return self._execute(RunRequest(BACKFILL, start, end, tuple(accepted), everything))

    def _execute(self, request: RunRequest) -> RunRecord:
        """Finish an interrupted run, then do this one. UsageError as of :func:`check_request`; BusyError during another run."""
        check_request(self.lake, self.registry, request.accepted)
        with sole_writer(self.lake.gold_lock, "gold", "built in"):
            self.step("finishing an interrupted run")
            finish(self.lake, self.registry, self._records, self.step)
            return self._build_and_commit(request)

    def _build_and_commit(self, request: RunRequest) -> RunRecord:
        """Build, judge, and commit what passes; the record says all of it."""
        began, started_at, before = time.perf_counter(), datetime.now(UTC), read_gold_state(self.lake)
        inputs = Inputs.of(self.lake, self.registry, {} if request.everything else before.inputs)
        build = GoldBuild(self.spark, self.settings.gold, self.registry, self.lake, inputs, self.step)
        due, wanted = self._due_and_wanted(request, before, inputs)
        with attempt(self.lake.gold(name) for name in GOLD):
            try:
                build.build_dates(wanted, request.accepted)
                build.build_undated()
            finally:
                build.unpersist()
            record = _record(request, before, due, wanted, build, started_at)
            begin(self.lake, build.commits, record)
        done = finish(self.lake, self.registry, self._records, self.step, began)
        assert done is not None
        return done

    def _due_and_wanted(self, request: RunRequest, before: GoldState, inputs: Inputs) -> tuple[set[date], set[date]]:
        """Return the dates that changed and were not built since, and those to build now: of both kinds, due and to be retried."""
        self.step("finding the dates that changed")
        changed = changed_dates(self.lake, inputs)
        due = (all_dates(self.lake, inputs) if changed is None else changed) | before.pending
        retried = {day for day in before.held_back if request.retries(day)}
        return due, {day for day in due if request.covers(day)} | retried

    @property
    def _records(self) -> Path:
        return records_folder(self.settings)


def check_request(lake: Lake, registry: Registry, accepted: Collection[str]) -> None:
    """Refuse, without Spark, what no run could do.

    UsageError where no gate has an accepted one's name, there is no lake, or the contracts lack what the star is made of.
    """
    for name in accepted:
        if name not in GATES:
            raise UsageError(f"there is no gate '{name}': the gates are {', '.join(GATES)}")
    lake.require_exists()
    star_tables(lake, registry)


def records_folder(settings: Settings) -> Path:
    """Return the folder in which each run leaves its record as JSON."""
    return settings.lake.logs / "gold"


def _record(
    request: RunRequest, before: GoldState, due: set[date], wanted: set[date], build: GoldBuild, started_at: datetime
) -> RunRecord:
    """Return what the run did, as it is before its commits: their rows are those that were written for them."""
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
        status=HELD_BACK if build.held_back else PUBLISHED if build.commits else UNCHANGED,
        processed_events_count=build.rows_processed,
        rows_written={f"gold/{commit.table}": commit.rows for commit in build.commits},
        dates_built=tuple(sorted(build.released)),
        dates_held=tuple(sorted(build.held_back | (before.held_back - due - wanted))),
        dates_pending=tuple(sorted(due - wanted)),
        waiting_lines=build.waiting["line"],
        waiting_payments=build.waiting["payment"],
        gates=tuple(build.verdicts),
        inputs=build.inputs.now,
    )
