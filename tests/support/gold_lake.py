"""A lake for tests of gold, whose Silver and history are written directly, by the code of storage/ and without Spark."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.commits import Commit, RunFacts
from spark_jobs.batch.gold.run import GoldRun
from spark_jobs.microbatch.commit import commit_batch
from spark_jobs.microbatch.journal import PreparedBatch
from spark_jobs.schemas_gold import GOLD
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.storage.keys import key_array
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.transforms.scd2 import OPEN, surrogate_keys
from support.lakes import Workspace, new_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from spark_jobs.batch.gold.record import RunRecord
    from spark_jobs.storage.table import Table

Row = dict[str, Any]
PRICE = Decimal("5.00")


def at(day: str, time: str = "12:00") -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(f"{day}T{time}:00+00:00").astimezone(UTC)


def on(day: str) -> date:
    return date.fromisoformat(day)


def commit_prepared(table: Table, commit: Commit, number: int) -> None:
    """Make a prepared commit to a table of gold as a run of this number would."""
    ensure_table(table)
    batch = PreparedBatch(number, commit.parts, RunFacts(""), deleted_keys={table.name: commit.deleted_keys})
    commit_batch(batch, [table], lambda _: "gold/test")


@dataclass
class GoldWorkspace:
    """A lake in which rows are at once as a batch of the stream would leave them; later rows replace those of their keys."""

    workspace: Workspace
    commits: int = 0
    lines: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def at(cls, root: Path, **env: Any) -> GoldWorkspace:
        return cls(new_workspace(root, **env))

    def order(self, number: int, day: str, *lines: tuple[int, str], customer: int = 1, **fields: Any) -> None:
        """Put an order of lines (product, price of the one piece), numbered from ten times the order's number."""
        total = sum((Decimal(price) for _, price in lines), Decimal("0.00"))
        values = {"customer_id": customer, "order_date": at(day), "status": "delivered", "total_amount": total}
        self.put("orders", {"order_id": number, **values, **fields})
        for place, (product, price) in enumerate(lines):
            self.line(10 * number + place, number, product, price)

    def line(self, number: int, order: int, product: int, price: str, **fields: Any) -> None:
        values = {"order_item_id": number, "order_id": order, "product_id": product, "quantity": 1}
        self.put("order_items", {**values, "unit_price": Decimal(price), "line_total": Decimal(price), **fields})

    def pay(self, number: int, order: int, amount: str, status: str = "captured", day: str = "2026-01-20") -> None:
        values = {
            "payment_id": number,
            "order_id": order,
            "method": "card",
            "amount": Decimal(amount),
            "status": status,
        }
        self.put("payments", {**values, "paid_at": at(day)})

    def put(self, subject: str, *rows: Row, deleted: bool = False) -> None:
        """Put current rows of a subject; ``deleted`` ones are tombstones, of which only the key is given."""
        table = self.workspace.lake.current(self.workspace.subject(subject))
        self._write(table, [{**dict.fromkeys(table.schema.names), "_deleted": deleted, **row} for row in rows])

    def versions(self, subject: str, key: int, *versions: tuple[str, Row]) -> None:
        """Replace the history of a customer or product: when each version begins, and its fields."""
        table = self.workspace.lake.history(self.workspace.subject(subject))
        assert table is not None
        natural = self.workspace.subject(subject).latest.key[0]
        begins = [datetime.fromisoformat(start).replace(tzinfo=UTC) for start, _ in versions]
        ends = [*begins[1:], OPEN]
        keys = pa.table({natural: [key] * len(versions), "valid_from": pa.array(begins, pa.timestamp("us", tz="UTC"))})
        surrogates = surrogate_keys(keys, [natural], keys["valid_from"]).to_pylist()
        rows = [
            {**dict.fromkeys(table.schema.names), natural: key, table.key_columns[0]: surrogate, "valid_from": begin}
            | {"valid_to": end, "is_current": end == OPEN, "version": place, **values}
            for place, (surrogate, begin, end, (_, values)) in enumerate(
                zip(surrogates, begins, ends, versions, strict=True), 1
            )
        ]
        existing = all_rows(table, [table.key_columns[0], natural])
        self._write(table, rows, gone=existing.filter(pc.equal(existing[natural], key)))

    def run(self, spark: SparkSession, upto: str, **options: Any) -> RunRecord:
        return self.gold(spark).run(on(upto), **options)

    def gold(self, spark: SparkSession) -> GoldRun:
        return GoldRun(spark, self.workspace.settings, self.workspace.registry)

    def rows(self, name: str, *columns: str) -> list[Any]:
        """Return the rows of a table of gold, sorted, as tuples of these columns; of one column its bare values."""
        table = self.workspace.lake.gold(name)
        rows = all_rows(table, list(columns) or table.schema.names).to_pylist()
        found = sorted((tuple(row.values()) for row in rows), key=lambda row: [(v is None, v) for v in row])
        return [row[0] for row in found] if len(columns) == 1 else found

    def content(self) -> dict[str, list[Any]]:
        """Return all rows of gold, by table."""
        return {name: self.rows(name) for name in GOLD}

    def _write(self, table: Table, rows: list[Row], gone: pa.Table | None = None) -> None:
        self.commits += 1
        ensure_table(table)
        parts = write_parts(table, pa.Table.from_pylist(rows, schema=table.schema))
        keys = key_array(gone, table.key_columns) if gone is not None else None
        replace_once(table, parts, deleted_keys=keys, writer="test", version=self.commits)
