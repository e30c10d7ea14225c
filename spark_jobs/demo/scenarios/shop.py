"""A tiny shop of a scenario: its changes land as CSV files, are streamed by the application and published by a gold run.

The days are fixed, so that the same story ends with the same figures.
"""

from __future__ import annotations

import csv
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from schema_registry.registry import load as load_registry
from spark_jobs.batch.gold.run import GoldRun
from spark_jobs.demo.commands import lake_command
from spark_jobs.demo.history import Version, read_versions
from spark_jobs.demo.own_folder import remake, settings_in
from spark_jobs.lake import Lake
from spark_jobs.queries.application import Application, Listener
from spark_jobs.storage.key_lookup import all_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Registry

Row = dict[str, Any]
CUSTOMER: dict[str, Any] = {
    "customer_id": 1,
    "first_name": "Ada",
    "last_name": "Berg",
    "email": "ada.berg@example.com",
    "country": "NO",
    "segment": "returning",
}
GRINDER: dict[str, Any] = {"product_id": 7, "product_name": "Coffee grinder", "category": "kitchen", "cost": "6.00"}
KETTLE: dict[str, Any] = {"product_id": 8, "product_name": "Kettle", "category": "kitchen", "cost": "20.00"}
TIN: dict[str, Any] = {"product_id": 9, "product_name": "Tea tin", "category": "kitchen", "cost": "1.50"}
COMMAND = "scenarios"
KEYS = {"customers": "customer_id", "products": "product_id", "orders": "order_id", "order_items": "order_item_id"}


@dataclass(slots=True)
class Shop:
    """A shop with a lake of its own under ``folder``. Changes and orders wait until ``stream`` lands them."""

    spark: SparkSession
    settings: Settings
    folder: Path
    registry: Registry
    waiting: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    known: set[tuple[str, int]] = field(default_factory=set)
    changes: int = 0
    files: int = 0
    lines: int = 0

    @classmethod
    def open_empty(cls, spark: SparkSession, settings: Settings, folder: Path) -> Shop:
        """Return a shop with nothing in it; remove what an earlier run left. UsageError where the folder holds anything else."""
        remake(folder, COMMAND, ("lake", "input", "logs"))
        return cls(spark, settings_in(settings, folder), folder, load_registry(settings.lake.contracts))

    @property
    def lake(self) -> Lake:
        """The lake of this shop."""
        return Lake(self.settings.lake.root.resolve())

    def change(self, subject: str, moment: datetime, **fields: Any) -> None:
        """Add a change: from ``moment`` on, the row with the key in ``fields`` is this."""
        self.changes += 1
        key = (subject, fields[KEYS[subject]])
        op = "u" if key in self.known else "c"
        self.known.add(key)
        change = {"change_id": f"change-{self.changes}", "op": op, "event_ts": moment.isoformat(), "seq": self.changes}
        self.waiting[subject].append({**change, **fields})

    def order(self, number: int, customer: int, placed: datetime, *lines: tuple[int, int, Decimal]) -> Decimal:
        """Add an order of lines (product, quantity, unit price); return its total."""
        total = sum((quantity * price for _, quantity, price in lines), start=lines[0][2] * 0)
        fields = {"customer_id": customer, "order_date": placed.isoformat(), "status": "pending", "total_amount": total}
        self.change("orders", placed, order_id=number, **fields)
        for product, quantity, price in lines:
            self.lines += 1
            item = {"product_id": product, "quantity": quantity, "unit_price": price, "line_total": quantity * price}
            self.change("order_items", placed, order_item_id=self.lines, order_id=number, **item)
        return total

    def stream(self) -> None:
        """Land the waiting changes, a file a subject, and stream them to the end."""
        self.files += 1
        for subject, rows in self.waiting.items():
            self._write(self.settings.lake.landing / subject / f"{self.files:03}.csv", rows)
        listener = Listener(lambda _: None, lambda _: None)
        names = sorted(self.waiting)
        Application(self.spark, self.settings, self.registry, names, listener, threading.Event()).run(once=True)
        self.waiting.clear()

    def publish(self, day: date) -> None:
        """Bring gold up to date, up to and including ``day``."""
        GoldRun(self.spark, self.settings, self.registry).run(day)

    def history(self, subject: str, columns: Sequence[str]) -> list[Version]:
        """Return all versions of a subject, in order of valid_from."""
        return read_versions(self.lake, self.registry.subject(subject), columns)

    def gold(self, name: str, columns: Sequence[str], by: str) -> list[Row]:
        """Return the rows of a gold table, in order of the column ``by``."""
        rows: list[Row] = all_rows(self.lake.gold(name), list(columns)).sort_by(by).to_pylist()
        return rows

    def command(self, arguments: str) -> str:
        """Return the tally command with these arguments for this shop's lake."""
        return lake_command(self.folder, arguments)

    @staticmethod
    def _write(path: Path, rows: Sequence[Row]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """Return a moment in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)
