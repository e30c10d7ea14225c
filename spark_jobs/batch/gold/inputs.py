"""The tables that a gold run reads, each at its version when the run began, even if the stream writes more meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.errors import UsageError
from spark_jobs.storage.difference import Difference, TableVersion, changed_rows, table_version
from spark_jobs.storage.key_lookup import all_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

#: The subjects that the star is made of, and the fields that their contracts must have for gold to run.
STAR: Mapping[str, tuple[str, ...]] = {
    "orders": ("order_id", "customer_id", "order_date", "status", "total_amount"),
    "order_items": ("order_item_id", "order_id", "product_id", "quantity", "unit_price", "line_total"),
    "payments": ("payment_id", "order_id", "method", "status", "amount", "paid_at"),
    "customers": ("customer_id", "segment"),
    "products": ("product_id", "product_name", "category", "price"),
}
#: Those of them whose current rows are read; of the others the history is.
SALES = ("orders", "order_items", "payments")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The tables by the name that they have here, their versions now, and those that the last run read.

    A difference is read once and kept, as several steps need it.
    """

    tables: Mapping[str, Table]
    now: Mapping[str, TableVersion]
    last: Mapping[str, TableVersion]
    _changes: dict[tuple[str, tuple[str, ...]], Difference | None] = field(default_factory=dict)

    @classmethod
    def of(cls, lake: Lake, registry: Registry, last: Mapping[str, TableVersion]) -> Inputs:
        """Take the inputs at their newest versions. UsageError where the contracts lack what the star is made of."""
        tables = {**star_tables(lake, registry), **_error_rate_tables(lake, registry)}
        now = {name: version for name, table in tables.items() if (version := table_version(table)) is not None}
        return cls(tables, now, last)

    @property
    def is_unchanged(self) -> bool:
        """True if no table has a new version since the last run."""
        return dict(self.now) == dict(self.last)

    def frame(self, spark: SparkSession, name: str) -> DataFrame:
        """Return a table's rows at its version; none where it is not there."""
        table = self.tables[name]
        if name not in self.now:
            return spark.createDataFrame([], from_arrow_schema(table.schema))
        version = self.now[name].version
        return spark.read.format("delta").option("versionAsOf", version).load(table.path)

    def changed(self, name: str, columns: Sequence[str]) -> Difference | None:
        """Return the difference of a table's rows since the last run; None where it is not known, as before a first run."""
        wanted = (name, tuple(columns))
        if wanted not in self._changes:
            self._changes[wanted] = self._read_changes(name, columns)
        return self._changes[wanted]

    def changed_sales(self) -> dict[str, Difference] | None:
        """Return the differences of orders, their lines and payments, by name; None where one of them is not known."""
        differences = {name: self.changed(name, (*STAR[name], "_deleted")) for name in SALES}
        known = {name: difference for name, difference in differences.items() if difference is not None}
        return known if len(known) == len(differences) else None

    def _read_changes(self, name: str, columns: Sequence[str]) -> Difference | None:
        table, before, after = self.tables[name], self.last.get(name), self.now.get(name)
        if not self.last or (after is None and before is not None):
            return None
        if before is None or after is None:  # it was not there: all that is in it now is new
            rows = all_rows(table, columns)
            return Difference(rows.schema.empty_table(), rows)
        return changed_rows(table, before.version, after.version, columns, identity=before.id)


def star_tables(lake: Lake, registry: Registry) -> dict[str, Table]:
    """Return the current tables of orders, their lines and payments, and the histories of customers and products, by subject.

    UsageError where the contracts lack a subject or a field of them, or track nothing of a customer or product.
    """
    for name, fields in STAR.items():
        _require(registry, name, fields)
    current = {name: lake.current(registry.subject(name)) for name in SALES}
    histories = {name: _history(lake, registry, name) for name in ("customers", "products")}
    return current | histories


def _history(lake: Lake, registry: Registry, name: str) -> Table:
    history = lake.history(registry.subject(name))
    if history is None:
        raise UsageError(
            f"gold needs the history of '{name}', and its contract tracks no fields: name some under tracked"
        )
    return history


def _require(registry: Registry, name: str, fields: Sequence[str]) -> None:
    subject = registry.subjects.get(name)
    if subject is None or subject.kind != "changes":
        raise UsageError(
            f"gold needs a subject '{name}' of kind changes, and the contracts have none: add contracts for "
            f"{', '.join(STAR)} to CONTRACTS_ROOT, such as those that come along"
        )
    lacking = [each for each in fields if each not in subject.latest.field_names]
    if lacking:
        raise UsageError(
            f"gold needs the fields {', '.join(lacking)} of '{name}', and its contract v{subject.latest.version} has none"
        )


def _error_rate_tables(lake: Lake, registry: Registry) -> dict[str, Table]:
    """Return the accepted rows of every subject, and the dead letters: the inputs of daily_error_rate."""
    accepted = {accepted_input(name): lake.accepted(subject) for name, subject in registry.subjects.items()}
    return {**accepted, "dead_letters": lake.dead_letters}


def live_rows(rows: pa.Table) -> pa.Table:
    """Return the rows that are no tombstones, of rows with ``_deleted``."""
    return rows.filter(pc.invert(rows["_deleted"]))


def accepted_input(subject: str) -> str:
    """Return the name under which a subject's accepted rows are among the inputs."""
    return f"accepted {subject}"
