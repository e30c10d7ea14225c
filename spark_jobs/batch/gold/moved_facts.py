"""No fact is published twice: a line whose order moved to another date waits as long as its old date is held back.

``--accept`` does not override this verdict: the promise of gold would be broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.record import GateResult, held_back_dates
from spark_jobs.storage.key_lookup import rows_with_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from spark_jobs.batch.gold.staged_facts import StagedFacts

ROW_COUNTS = "row_counts"
#: Failing rows that a verdict shows.
ROWS_NAMED = 10
#: By table: the facts' key, and what one of them is called.
KEYS = {"fact_orders": ("order_item_id", "order line"), "fact_payments": ("payment_id", "payment")}


class MovedFact(NamedTuple):
    """A staged fact, and the other date under which it is published."""

    name: str
    id: int
    new_date: date
    old_date: date


def hold_back_moved_facts(staged: StagedFacts, verdicts: list[GateResult]) -> list[GateResult]:
    """Return the verdicts, with those dates held back too that have a fact which stays published under another date.

    To hold back a date can leave a fact of a third where it was, so it is done until no date is added.
    """
    moved = _moved_facts(staged)
    while True:
        released = staged.days - held_back_dates(verdicts)
        twice = [fact for fact in moved if fact.new_date in released and fact.old_date not in released]
        if not twice:
            return verdicts
        verdicts = [_with_moved(verdict, twice) for verdict in verdicts]


def failing_rows(count: int) -> str:
    """Say how many rows fail."""
    return "1 row fails" if count == 1 else f"{count:,} rows fail"


def _with_moved(verdict: GateResult, moved: Sequence[MovedFact]) -> GateResult:
    """Return the verdict on row counts of a date with moved facts as failed, any other as it is."""
    mine = sorted((fact.name, fact.id, fact.old_date) for fact in moved if fact.new_date == verdict.date)
    if verdict.gate != ROW_COUNTS or not mine:
        return verdict
    rows = tuple(f"{name} {id_}: is published under {old}, which stays as it is" for name, id_, old in mine)
    count = verdict.failing + len(rows)
    return GateResult(ROW_COUNTS, verdict.date, False, count, failing_rows(count), (*rows, *verdict.rows)[:ROWS_NAMED])


def _moved_facts(staged: StagedFacts) -> list[MovedFact]:
    """Find the staged facts that are published under another date."""
    moved: list[MovedFact] = []
    for table_name, (key, name) in KEYS.items():
        columns = [key, "order_date"]
        new = staged.columns(table_name, columns)
        ids = new[key].combine_chunks() if new.num_rows else pa.array([], pa.int64())
        old = rows_with_keys(staged.lake.gold(table_name), ids, columns, by=(key,)).rename_columns([key, "_old"])
        both = new.join(old, key, join_type="inner")
        both = both.filter(pc.not_equal(both["order_date"], both["_old"]))
        moved += [MovedFact(name, row[key], row["order_date"], row["_old"]) for row in both.to_pylist()]
    return moved
