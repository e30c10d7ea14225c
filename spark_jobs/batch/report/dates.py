"""The state of each date in gold: published, held back or not yet built, by its tables and its record of runs. Starts no Spark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.batch.gold.record import GateResult, newest_run
from spark_jobs.errors import TallyError
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from spark_jobs.lake import Lake

#: The states of a date: its figures are published; runs have covered it and it has no orders; a gate holds it back; its inputs
#: changed and it is not built yet; it lies before the first published date or after all dates that a run has covered.
PUBLISHED, NO_ORDERS, HELD_BACK, PENDING, OUTSIDE = "published", "no_orders", "held_back", "pending", "outside"
#: Ranges of dates that one sentence names; of more it names the nearest ones.
RANGES = 3
#: Runs whose verdicts are read at once.
RUNS_AT_ONCE = 32
_READ = ("run_id", "lineage", "run_number", "started_at", "gates")


class NotPublishedError(TallyError):
    """The date has no published facts; the message says why, and which dates have."""


@dataclass(frozen=True, slots=True)
class DateState:
    """The state of a date, the newest run that judged it, and its gates; no run and no gates where none is on record.

    ``state``: published; held_back or pending where the published figures are older than what has come in since.
    """

    state: str
    run_id: str | None = None
    run_number: int | None = None
    judged_at: datetime | None = None
    gates: tuple[GateResult, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldDates:
    """The published dates, ascending, and what the newest run left: dates held back, dates to build, the last date covered."""

    published: tuple[date, ...]
    held_back: frozenset[date] = frozenset()
    pending: frozenset[date] = frozenset()
    lineage: str | None = None
    run_number: int = 0
    end: date | None = None

    def state(self, day: date) -> str:
        """Return the state of a day, one of those above; a published day stays so, whatever is pending."""
        if day in self.published:
            return PUBLISHED
        return self.unbuilt_state(day) or (NO_ORDERS if self._is_covered(day) else OUTSIDE)

    def unbuilt_state(self, day: date) -> str | None:
        """Return HELD_BACK or PENDING where runs still have to build this day, else None."""
        return HELD_BACK if day in self.held_back else PENDING if day in self.pending else None

    def _is_covered(self, day: date) -> bool:
        """True if runs have covered this day: with orders it would be published, held back or pending."""
        if not self.published:
            return False
        last = self.published[-1] if self.end is None else max(self.end, self.published[-1])
        return self.published[0] <= day <= last


def read_gold_dates(lake: Lake) -> GoldDates:
    """Read what gold has published and what its newest run left; nothing of either where gold was never run."""
    dates = tuple(sorted(all_rows(lake.gold("daily_gmv"), ["order_date"])["order_date"].unique().to_pylist()))
    run = newest_run(lake)
    if run is None:
        return GoldDates(dates)
    held_back, pending = frozenset(run["dates_held"] or ()), frozenset(run["dates_pending"] or ())
    return GoldDates(dates, held_back, pending, run["lineage"], run["run_number"], run["end_date"])


def read_date_state(lake: Lake, gold: GoldDates, day: date) -> DateState:
    """Return the state of a published date. NotPublishedError where it has no published facts."""
    state, run = gold.unbuilt_state(day) or gold.state(day), _newest_judging_run(lake, gold, day)
    found = DateState(state) if run is None else _date_state(state, run, day)
    if day not in gold.published:
        raise NotPublishedError(why_absent(gold, found, day))
    return found


def _newest_judging_run(lake: Lake, gold: GoldDates, day: date) -> Mapping[str, Any] | None:
    """Find the newest run of the lineage that judged the day. A few are read at a time, newest first: mostly it is among those."""
    for last in range(gold.run_number, 0, -RUNS_AT_ONCE):
        numbers = pa.array(range(max(1, last - RUNS_AT_ONCE + 1), last + 1), pa.int64())
        runs = rows_with_keys(lake.runs, numbers, _READ, by=("run_number",)).sort_by([("run_number", "descending")])
        for run in runs.to_pylist():
            if run["lineage"] == gold.lineage and any(gate["date"] == day for gate in run["gates"] or ()):
                return dict(run)
    return None


def _date_state(state: str, run: Mapping[str, Any], day: date) -> DateState:
    gates = [GateResult.from_row(gate) for gate in run["gates"] if gate["date"] == day]
    return DateState(state, run["run_id"], run["run_number"], run["started_at"], tuple(gates))


def why_absent(gold: GoldDates, found: DateState, day: date) -> str:
    """Say in a sentence why a date has no report, and which dates have one."""
    run = f"run tally gold run --date {day}"
    if not gold.run_number and not gold.published:
        return f"gold has not been run on this lake: {run}"
    why = {
        HELD_BACK: f"{day} is held back by {_blockers(found.gates)}",
        PENDING: f"{day} has changed and is not built yet: {run}",
        NO_ORDERS: f"{day} has no orders",
    }.get(found.state, f"{day} is not published: {run}")
    return f"{why}; {_published_ranges(gold.published, day)}"


def _blockers(gates: Iterable[GateResult]) -> str:
    named = [f"{one.gate} ({one.detail or f'{one.failing:,} rows'})" for one in gates if one.holds_back]
    return ", ".join(named) or "its gates"


def _published_ranges(published: tuple[date, ...], day: date) -> str:
    """Name the published dates as ranges; if there are many, their span and the dates nearest to the one that was asked for."""
    if not published:
        return "no date is published yet"
    spelled = [_range(first, last) for first, last in _ranges(published)]
    if len(spelled) <= RANGES:
        return f"published {'is' if len(published) == 1 else 'are'} {', '.join(spelled)}"
    near = [*[each for each in published if each < day][-1:], *[each for each in published if each > day][:1]]
    nearest = " and ".join(f"{each}" for each in near)
    return f"published are {len(published):,} dates from {published[0]} to {published[-1]}, nearest {nearest}"


def _ranges(dates: Iterable[date]) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    for day in dates:
        if found and (day - found[-1][1]).days == 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _range(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"
