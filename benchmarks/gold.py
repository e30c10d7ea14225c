"""Gold: from scratch and after one more day, in a lake of a week and in one of a month; questions to the star beside DuckDB.

The lakes are made the real way: a shop's files, streamed to the end. Both are of the same shop, one has only its first days.
"""

from __future__ import annotations

import re
import shutil
import statistics
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks import gold_queries
from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.run import write_shop
from generator.options import DEFAULT_START
from spark_jobs.batch.gold.run import GoldRun
from spark_jobs.schemas_gold import GOLD
from spark_jobs.storage.difference import changed_rows, table_version

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.stage import Stage
    from config.settings import Settings
    from spark_jobs.batch.gold.record import RunRecord
    from spark_jobs.lake import Lake

WEEK, MONTH = 7, 30
#: Days that come one by one after the first run of each lake.
MORE_DAYS = 3
CUSTOMERS, PRODUCTS = 20_000, 2_000
_DAY = re.compile(r"_(\d{6})")


def measure(stage: Stage, orders_a_day: int, lines: int, rounds: int) -> dict[str, Any]:
    """The runs of the file's first line, and the four questions of ``gold_queries``."""
    return {"runs": _runs(stage, orders_a_day, rounds), "queries": gold_queries.measure(stage, lines)}


@dataclass(slots=True)
class _Lake:
    """A lake that has the first days of the shop, and the seconds that its runs took."""

    stage: Stage
    shop: Path
    days: int
    lake: Lake = field(init=False)
    settings: Settings = field(init=False)
    drained: float = field(init=False)
    scratch: list[float] = field(default_factory=list)
    more: list[float] = field(default_factory=list)
    records: list[RunRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lake, settings = self.stage.lake(f"gold_{self.days}")
        self.settings = replace(settings, lake=replace(settings.lake, logs=self.stage.out / "logs"))
        shutil.rmtree(self._landing, ignore_errors=True)
        self.drained = self.land(0, self.days)

    @property
    def _landing(self) -> Path:
        return self.stage.out / f"gold_landing_{self.days}"

    def land(self, first: int, until: int) -> float:
        """Stream the files of these days to the end; seconds."""
        for file in sorted((self.shop / "landing").rglob("*.csv")):
            number = _DAY.search(file.name)
            if number is not None and first <= int(number[1]) < until:
                target = self._landing / file.parent.name / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
        return self.stage.drain(self.settings, self._landing, *SHOP_SUBJECTS)[0]

    def from_scratch(self) -> None:
        """Build gold where there is none."""
        for table in (*(self.lake.gold(name) for name in GOLD), self.lake.runs):
            shutil.rmtree(table.path, ignore_errors=True)
        self.scratch.append(self._seconds(self.days))

    def one_more_day(self) -> None:
        """Stream another day and build what it changed."""
        self.land(self.days, self.days + 1)
        self.days += 1
        self.more.append(self._seconds(self.days))

    def _seconds(self, days: int) -> float:
        last = (DEFAULT_START + timedelta(days=days - 1)).date()
        began = time.perf_counter()
        record = GoldRun(self.stage.spark, self.settings, self.stage.registry).run(last)
        took = time.perf_counter() - began
        assert not record.dates_held, record.gates
        self.records.append(record)
        return took

    def rows_another_when_rebuilt(self) -> int:
        """How many rows of gold are others once every date is built again: none, or the days before have left something undone."""
        tables = [self.lake.gold(name) for name in GOLD]
        before = [table_version(table) for table in tables]
        GoldRun(self.stage.spark, self.settings, self.stage.registry).run(
            (DEFAULT_START + timedelta(days=self.days - 1)).date(), everything=True
        )
        others = 0
        for table, then in zip(tables, before, strict=True):
            now = table_version(table)
            if then is None or now is None:  # no run has had a row for it, such as an inferred member
                assert then is now
                continue
            found = changed_rows(table, then.version, now.version, table.schema.names, identity=then.id)
            assert found is not None
            others += found.before.num_rows + found.after.num_rows
        return others

    def figures(self) -> dict[str, Any]:
        """What the lake took."""
        rows = self.records[0].output_row_counts
        return {
            "orders": rows.get("silver/orders"),
            "lines": rows.get("gold/fact_orders"),
            "drained_seconds": round(self.drained, 1),
            "scratch_seconds": [round(value, 2) for value in self.scratch],
            "one_more_day_seconds": [round(value, 2) for value in self.more],
            "dates_built_a_day": [len(record.dates_built) for record in self.records[-len(self.more) :]],
            "rows_another_when_rebuilt": self.rows_another_when_rebuilt(),
        }


def _runs(stage: Stage, orders_a_day: int, rounds: int) -> dict[str, Any]:
    """Both lakes from scratch, then day after day in turns; medians. The first run of all warms up."""
    shop = _shop(stage, orders_a_day)
    week, month = (_Lake(stage, shop, days) for days in (WEEK, MONTH))
    week.from_scratch()
    week.scratch.clear()
    for _ in range(rounds):
        week.from_scratch()
        month.from_scratch()
    for _ in range(MORE_DAYS):
        week.one_more_day()
        month.one_more_day()
    scratch = statistics.median(month.scratch) / statistics.median(week.scratch)
    more = statistics.median(month.more) / statistics.median(week.more)
    return {
        "orders_a_day": orders_a_day,
        "week": week.figures(),
        "month": month.figures(),
        "scratch_month_to_week": round(scratch, 2),
        "one_more_day_month_to_week": round(more, 2),
    }


def _shop(stage: Stage, orders_a_day: int) -> Path:
    """A month of a shop and some days, without faults: each order that lacks a line would hold its date back."""
    folder = stage.out / f"gold_shop_{orders_a_day}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        write_shop(
            folder,
            files=MONTH + MORE_DAYS,
            orders=30 * orders_a_day,
            customers=CUSTOMERS,
            products=PRODUCTS,
            fault_rate=0.0,
            with_truth=False,
        )
        (folder / "done").touch()
    return folder
