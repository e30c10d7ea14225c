"""Count the rows of tables by their logs, and read small tables whole. Starts no Spark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.storage.open_tables import open_snapshot, open_table

if TYPE_CHECKING:
    from spark_jobs.storage.table import Table


def count_rows(table: Table, subject: str | None = None) -> int:
    """Rows of a table by its log, all or one subject's; those that a deletion vector deletes are none."""
    if table.key_columns:
        return _count_live_rows(table)
    found = open_table(table.path)
    if found is None:
        return 0
    adds = pa.table(found.get_add_actions(flatten=True))
    if subject is not None and adds.num_rows:
        adds = adds.filter(pc.equal(adds["partition.subject"], subject))
    return pc.sum(adds["num_records"]).as_py() or 0 if adds.num_rows else 0


def _count_live_rows(table: Table) -> int:
    """Rows of a table with a key by its log."""
    snapshot = open_snapshot(table.path)
    adds = snapshot.files.values() if snapshot is not None else []
    held = [int(json.loads(add.get("stats") or "{}").get("numRecords") or 0) for add in adds]
    return sum(held) - sum(int(add.get("deletionVector", {}).get("cardinality", 0)) for add in adds)


def own_rows(table: Table, subject: str) -> pa.Table:
    """One subject's rows of a small table, all columns; none where the table is not there yet."""
    found = open_table(table.path)
    if found is None:
        return table.schema.empty_table()
    return found.to_pyarrow_table(filters=[("subject", "=", subject)])
