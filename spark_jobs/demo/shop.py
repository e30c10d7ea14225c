"""A tiny shop for a story: its changes land as CSV files, are streamed by the real application and published by a real gold run."""

from __future__ import annotations

import csv
import threading
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from schema_registry.registry import load as load_registry
from spark_jobs.batch.gold.run import GoldRun
from spark_jobs.demo.own_folder import made_anew
from spark_jobs.lake import Lake
from spark_jobs.queries.application import Application, Listener
from spark_jobs.storage.key_lookup import all_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from pathlib import Path

    from pyspark.sql import SparkSession

    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.storage.table import Table

Row = dict[str, Any]
COMMAND = "scenarios"
KEYS = {"customers": "customer_id", "products": "product_id", "orders": "order_id", "order_items": "order_item_id"}


@dataclass(slots=True)
class Shop:
    """A lake of its own under ``folder``. What is told waits until ``stream`` lands it."""

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
    def opened(cls, spark: SparkSession, settings: Settings, folder: Path) -> Shop:
        """The shop with nothing in it; what an earlier story left is removed. UsageError where the folder holds anything else."""
        made_anew(folder, COMMAND, ("lake", "input", "logs"))
        places = replace(settings.lake, root=folder / "lake", landing=folder / "input", logs=folder / "logs")
        return cls(spark, replace(settings, lake=places), folder, load_registry(settings.lake.contracts))

    @property
    def lake(self) -> Lake:
        """Where its tables lie."""
        return Lake(self.settings.lake.root.resolve())

    def tell(self, subject: str, moment: datetime, **fields: Any) -> None:
        """A change: from that moment on the row of the key among ``fields`` is this."""
        self.changes += 1
        key = (subject, fields[KEYS[subject]])
        op = "u" if key in self.known else "c"
        self.known.add(key)
        change = {"change_id": f"change-{self.changes}", "op": op, "event_ts": moment.isoformat(), "seq": self.changes}
        self.waiting[subject].append({**change, **fields})

    def order(self, number: int, customer: int, placed: datetime, *lines: tuple[int, int, Decimal]) -> Decimal:
        """An order of lines (product, quantity, unit price) is placed; what it comes to."""
        total = sum((quantity * price for _, quantity, price in lines), start=lines[0][2] * 0)
        said = {"customer_id": customer, "order_date": placed.isoformat(), "status": "pending", "total_amount": total}
        self.tell("orders", placed, order_id=number, **said)
        for product, quantity, price in lines:
            self.lines += 1
            bought = {"product_id": product, "quantity": quantity, "unit_price": price, "line_total": quantity * price}
            self.tell("order_items", placed, order_item_id=self.lines, order_id=number, **bought)
        return total

    def stream(self) -> None:
        """Land what was told, a file a subject, and stream it to the end."""
        self.files += 1
        for subject, rows in self.waiting.items():
            self._write(self.settings.lake.landing / subject / f"{self.files:03}.csv", rows)
        listener = Listener(lambda _: None, lambda _: None)
        names = sorted(self.waiting)
        Application(self.spark, self.settings, self.registry, names, listener, threading.Event()).run(once=True)
        self.waiting.clear()

    def publish(self, day: date) -> None:
        """Bring gold up to date, up to that day."""
        GoldRun(self.spark, self.settings, self.registry).run(day)

    def history(self, subject: str, columns: Sequence[str]) -> list[Row]:
        """The versions of an entity's rows, in order of time."""
        table = self.lake.history(self.registry.subject(subject))
        assert table is not None
        return self._rows(table, [*columns, "valid_from", "valid_to"], "valid_from")

    def gold(self, name: str, columns: Sequence[str], by: str) -> list[Row]:
        """The rows of a table of gold, in the order of one of its columns."""
        return self._rows(self.lake.gold(name), columns, by)

    def command(self, text: str) -> str:
        """A tally command as it is typed to ask this lake."""
        return f"LAKE_ROOT={self.folder}/lake LANDING_ROOT={self.folder}/input tally {text}"

    @staticmethod
    def _rows(table: Table, columns: Sequence[str], by: str) -> list[Row]:
        rows: list[Row] = all_rows(table, list(columns)).sort_by(by).to_pylist()
        return rows

    @staticmethod
    def _write(path: Path, rows: Sequence[Row]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
