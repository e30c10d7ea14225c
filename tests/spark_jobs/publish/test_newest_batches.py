"""Which batch is the newest: numbers and the order of the lake's versions say it, whatever the clock said.

Covers migrations/R06__newest_batches.sql and the order of ``tally status``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
from support.published_lake import NOON, PublishedLake, execute, fetch
from support.shop_tables import books, insert

from spark_jobs.batch.status import _newest_first, latest_query
from spark_jobs.storage.files import write_json

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

NEWEST = "SELECT subject, query_id, batch_id FROM newest_batches ORDER BY subject"
DAY = timedelta(days=1)


def test_a_clock_that_was_a_day_ahead_makes_no_old_batch_the_newest(
    published: PublishedLake, postgres: Connection
) -> None:
    insert(postgres, "data_quality_metrics", [books(0, "orders", started_at=NOON + DAY)])
    insert(postgres, "data_quality_metrics", [books(1, "orders", started_at=NOON)])
    assert fetch(postgres, NEWEST) == [("orders", "q", 1)]
    fresh = books(0, "orders", query_id="after", started_at=NOON - DAY)
    insert(postgres, "data_quality_metrics", [fresh])
    assert fetch(postgres, NEWEST) == [("orders", "after", 0)], (
        "its checkpoint was lost: the query that came last is the newest"
    )
    insert(
        postgres,
        "data_quality_metrics",
        [books(1, "orders", query_id="after", started_at=NOON - DAY), books(9, "products")],
    )
    assert fetch(postgres, NEWEST) == [("orders", "after", 1), ("products", "q", 9)]
    rows = [{**row, "query_id": query} for row in (books(0, "orders"), books(1, "orders")) for query in ("q", "after")]
    execute(postgres, "DELETE FROM data_quality_metrics")
    insert(
        postgres, "data_quality_metrics", [{**row, "started_at": NOON + DAY * (row["query_id"] == "q")} for row in rows]
    )
    assert fetch(postgres, NEWEST) == [("orders", "after", 1)], "filled again, the newest stays the newest"
    published.prepare(postgres)
    assert fetch(postgres, NEWEST) == [("orders", "after", 1)]


def test_status_orders_batches_by_their_numbers(published: PublishedLake) -> None:
    lake = published.lake
    rows = [("old", 7, NOON + DAY), ("now", 0, NOON), ("now", 1, NOON - DAY), ("now", 2, NOON - 2 * DAY)]
    batches = pa.table(
        {"query_id": [r[0] for r in rows], "batch_id": [r[1] for r in rows], "started_at": [r[2] for r in rows]}
    )
    lake.checkpoint("orders", "refine").mkdir(parents=True)
    write_json(lake.checkpoint("orders", "refine") / "metadata", {"id": "now"})
    latest = latest_query(lake, "orders", batches)
    assert latest == "now"
    assert _newest_first(batches, latest)["batch_id"].to_pylist() == [2, 1, 0, 7]
