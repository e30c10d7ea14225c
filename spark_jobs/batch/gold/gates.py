"""The quality gates applied to staged facts: which dates may be published, and which rows say that one may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.batch.gold.moved_facts import ROW_COUNTS, ROWS_NAMED, failing_rows, hold_back_moved_facts
from spark_jobs.batch.gold.record import GateResult
from spark_jobs.batch.gold.staged_facts import FACTS
from spark_jobs.storage.key_lookup import rows_with_keys
from spark_jobs.transforms.gates.non_negative_money import non_negative_money
from spark_jobs.transforms.gates.order_totals import order_totals
from spark_jobs.transforms.gates.referential_integrity import referential_integrity
from spark_jobs.transforms.gates.row_counts import row_counts
from spark_jobs.transforms.gates.scd2_consistency import scd2_consistency
from spark_jobs.transforms.gates.summary import summarize_gates
from spark_jobs.transforms.gates.volume_anomaly import volume_anomaly

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

    from pyspark.sql import DataFrame

    from config.groups import Gold
    from spark_jobs.batch.gold.staged_facts import StagedFacts
    from spark_jobs.lake import Lake

TOTALS, VOLUME = "order_totals", "volume_anomaly"
GATES = (ROW_COUNTS, "referential_integrity", "non_negative_money", TOTALS, "scd2_consistency", VOLUME)


def apply_gates(staged: StagedFacts, calendar: DataFrame, limits: Gold, accepted: Collection[str]) -> list[GateResult]:
    """Return every gate's verdict on every staged date, in order. ``accepted`` gates hold nothing back, and say so."""
    failures, orders = _failures(staged, calendar), staged.orders_by_date
    verdicts = [
        _verdict(gate, day, *failures.get((gate, day), (0, ())), orders.get(day, 0), limits)
        for day in sorted(staged.days)
        for gate in GATES
        if gate != VOLUME
    ]
    verdicts += _volumes(staged, orders, limits)
    return hold_back_moved_facts(staged, [_accept(verdict, accepted) for verdict in verdicts])


def _failures(staged: StagedFacts, calendar: DataFrame) -> dict[tuple[str, date], tuple[int, tuple[str, ...]]]:
    """Count the rows that fail each gate on each date, and take the first of them; one query for all."""
    facts, payments = (staged.facts(name) for name in FACTS)
    gates = {
        ROW_COUNTS: row_counts(facts, staged.orders, staged.items),
        "referential_integrity": referential_integrity(facts, payments, staged.customers, staged.products, calendar),
        "non_negative_money": non_negative_money(facts, payments),
        TOTALS: order_totals(facts, staged.orders),
        "scd2_consistency": scd2_consistency(facts, staged.customers, staged.products),
    }
    rows = summarize_gates(gates, ROWS_NAMED).collect()
    return {(row["gate"], row["order_date"]): (row["failing"], tuple(row["rows"])) for row in rows}


def _verdict(gate: str, day: date, count: int, rows: tuple[str, ...], orders: int, limits: Gold) -> GateResult:
    if gate != TOTALS or not count:
        return GateResult(gate, day, not count, count, failing_rows(count) if count else None, rows)
    passed = count <= Fraction(str(limits.totals_tolerance)) * orders
    return GateResult(gate, day, passed, count, f"{count} of {orders} orders do not agree with their lines", rows)


def _volumes(staged: StagedFacts, orders: Mapping[date, int], limits: Gold) -> Iterator[GateResult]:
    """Compare each date with the weekday's usual volume: that of published dates, and of those that are judged in this run."""
    counts = {**_released_orders(staged.lake, staged.days, limits.volume_weeks), **orders}
    for day in sorted(staged.days):
        result = volume_anomaly(counts, day, limits.volume_weeks, limits.volume_min_weeks, limits.volume_tolerance)
        yield GateResult(VOLUME, day, result.passed, int(not result.passed), result.sentence)


def _released_orders(lake: Lake, days: Collection[date], weeks: int) -> dict[date, int]:
    """Count the orders of the published dates that a baseline may need; those of this run are known better."""
    table = lake.gold("orders_by_status")
    dates = pa.array(
        sorted({day - timedelta(weeks=week) for day in days for week in range(1, weeks + 1)} - set(days)), pa.date32()
    )
    rows = rows_with_keys(table, dates, ["order_date", "orders"]).group_by("order_date").aggregate([("orders", "sum")])
    return dict(zip(rows["order_date"].to_pylist(), rows["orders_sum"].to_pylist(), strict=True))


def _accept(verdict: GateResult, accepted: Collection[str]) -> GateResult:
    return replace(verdict, accepted=True) if not verdict.passed and verdict.gate in accepted else verdict
