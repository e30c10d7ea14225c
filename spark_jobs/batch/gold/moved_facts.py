"""No fact is published twice: a line whose order moved to another date waits as long as its old date is held back.

That verdict is not for anyone to accept: with it the promise of gold would be gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.record import GateResult, held_back_dates
from spark_jobs.storage.key_lookup import rows_with_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from spark_jobs.batch.gold.staged_facts import StagedFacts

    #: What a fact is called, its id, the date that it would be under, and the one under which it is published.
    Stray = tuple[str, int, date, date]

ROW_COUNTS = "row_counts"
#: Rows that a verdict shows of those that fail.
SHOWN = 10
KEYS = {"fact_orders": ("order_item_id", "order line"), "fact_payments": ("payment_id", "payment")}


def hold_back_moved_facts(candidate: StagedFacts, verdicts: list[GateResult]) -> list[GateResult]:
    """The verdicts, with those dates held back too under which a fact would stand that stays published under another.

    Each turn holds back a date more, or is the last.
    """
    standing = _standing_elsewhere(candidate)
    while True:
        published = candidate.days - held_back_dates(verdicts)
        strays = [each for each in standing if each[2] in published and each[3] not in published]
        if not strays:
            return verdicts
        verdicts = [_strayed(each, strays) for each in verdicts]


def told(count: int) -> str:
    """How many rows fail."""
    return "1 row fails" if count == 1 else f"{count:,} rows fail"


def _strayed(verdict: GateResult, strays: Sequence[Stray]) -> GateResult:
    mine = sorted((name, id_, old) for name, id_, new, old in strays if new == verdict.date)
    if verdict.gate != ROW_COUNTS or not mine:
        return verdict
    rows = tuple(f"{name} {id_}: is published under {old}, which stays as it is" for name, id_, old in mine)
    count = verdict.failing + len(rows)
    return GateResult(ROW_COUNTS, verdict.date, False, count, told(count), (*rows, *verdict.rows)[:SHOWN])


def _standing_elsewhere(candidate: StagedFacts) -> list[Stray]:
    """The facts of the candidate that are published under another date: what, its id, the date to be, the date that is."""
    found: list[Stray] = []
    for table_name, (key, name) in KEYS.items():
        columns = [key, "order_date"]
        mine = candidate.column(table_name, columns)
        ids = mine[key].combine_chunks() if mine.num_rows else pa.array([], pa.int64())
        others = rows_with_keys(candidate.lake.gold(table_name), ids, columns, by=(key,)).rename_columns([key, "_old"])
        moved = mine.join(others, key, join_type="inner")
        moved = moved.filter(pc.not_equal(moved["order_date"], moved["_old"]))
        found += [(name, row[key], row["order_date"], row["_old"]) for row in moved.to_pylist()]
    return found
