"""Point in time: all rows of an entity as they were at a moment, in Python and in SQL.

The state of a key at a moment is the one after the change with the greatest (sequence, change_id) among those whose event time
is not later. A version holds on [valid_from, valid_to), so at its first microsecond and no longer at its end; the current one
for ever.

Without Spark the same question to gold/dim_<entity>, which has deletion vectors, is put through delta-rs to DuckDB:

    products = DeltaTable("data/lake/gold/dim_product").scan().read_all()
    moment = datetime(2026, 3, 1, 15, tzinfo=UTC)
    duckdb.execute("FROM products WHERE valid_from <= $1 AND $1 < valid_to", [moment])
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.batch.point_in_time.key_states import fold_versions, log_columns, require_changes
from spark_jobs.schemas import TIMESTAMP, typed_columns
from spark_jobs.storage.add_actions import count_rows
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.spark_tables import read_table
from spark_jobs.transforms.entity_rows import rows_from_changes
from spark_jobs.transforms.scd2 import OPEN
from spark_jobs.transforms.types import timestamp_literal as literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession

    from schema_registry.contract import Contract
    from schema_registry.registry import Registry, Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

#: Rows of the change log that one worker folds at once: about 0.4 s, and 100 MB with what is made of them.
BUCKET_ROWS = 250_000
BUCKET = "_bucket"


def as_of(spark: SparkSession, lake: Lake, subject: Subject, moment: datetime) -> DataFrame:
    """Return all rows of an entity as they were at that moment; a naive one is in UTC, like every time without a zone here.

    Columns: the entity's; where the contract tracks fields also the surrogate key before them, and valid_from, valid_to and version
    behind. Those come from gold/dim_<entity>, in which a field that is not tracked shows what it came to before the version ended;
    other entities' rows are folded from the change log, and show what they were. UsageError where the subject's rows are events.
    """
    require_changes(subject)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    history = lake.history(subject)
    return _from_log(spark, lake, subject, moment) if history is None else _from_history(spark, history, moment)


def register_as_of(spark: SparkSession, lake: Lake, registry: Registry) -> list[str]:
    """Make temporary SQL table functions in this session, one for each entity with a history; return their names.

    ``SELECT * FROM products_as_of(TIMESTAMP '2026-03-01 15:00:00')`` has the columns of :func:`as_of`; a row for each of another
    table: ``FROM orders AS o, LATERAL customers_as_of(o.order_date) AS c WHERE c.customer_id = o.customer_id``, which is a hash
    join by the key. They read the table as it is when the query runs. A history that was never written has no function yet.
    Safe to run twice: a function of that name is replaced.
    """
    histories = {subject.name: lake.history(subject) for subject in registry.subjects.values()}
    made = {
        f"{name}_as_of": table
        for name, table in histories.items()
        if table is not None and open_table(table.path) is not None
    }
    for name, table in made.items():
        spark.sql(_function(name, table, read_table(spark, table)))
    return list(made)


def _function(name: str, history: Table, history_rows: DataFrame) -> str:
    """Return the SQL that makes the function. A column hides a parameter of its name, so the parameter is named by the function."""
    path, columns = history.path.replace("`", "``"), ", ".join(_columns(history_rows, history))
    body = f"SELECT {columns} FROM delta.`{path}` AS held"  # noqa: S608
    ends = f"`{name}`.moment < held.valid_to OR (held.is_current AND `{name}`.moment >= TIMESTAMP '{OPEN:%Y-%m-%d}')"
    holds = f"held.valid_from <= `{name}`.moment AND ({ends})"
    return f"CREATE OR REPLACE TEMPORARY FUNCTION `{name}`(moment TIMESTAMP) RETURNS TABLE RETURN {body} WHERE {holds}"


def _from_history(spark: SparkSession, history: Table, moment: datetime) -> DataFrame:
    """Read the versions of that moment, by literal bounds: Delta then leaves out files whose versions begin later or ended."""
    history_rows = read_table(spark, history)
    at = literal(moment)
    goes_on = at < F.col("valid_to") if moment < OPEN else (at < F.col("valid_to")) | F.col("is_current")
    return history_rows.where((F.col("valid_from") <= at) & goes_on).selectExpr(*_columns(history_rows, history))


def _columns(history_rows: DataFrame, history: Table) -> list[str]:
    """Return the columns of :func:`as_of` as SQL; a column that the contract has and the table not yet is null."""
    added = ("valid_from", "valid_to", "version")
    own = [
        name
        for name in history.schema.names
        if name not in (*added, "is_current", "query_id", "batch_id", "processed_at")
    ]
    return _selected(history_rows, history, [*own, *added])


def _selected(history_rows: DataFrame, table: Table, names: list[str]) -> list[str]:
    types = from_arrow_schema(table.schema)
    absent = [name for name in names if name not in history_rows.columns]
    sql = {name: f"CAST(NULL AS {types[name].dataType.simpleString()}) AS `{name}`" for name in absent}
    return [sql.get(name, f"`{name}`") for name in names]


def _from_log(spark: SparkSession, lake: Lake, subject: Subject, moment: datetime) -> DataFrame:
    """Fold the change log by key in Arrow workers, a hash bucket of keys at once; truncates, which are few, go to each."""
    table, contract = lake.changes(subject), subject.latest
    log = _log(spark, table, contract, moment)
    truncates = rows_from_changes(log.where("op = 't'").toArrow(), contract)
    bucket = F.pmod(F.xxhash64(*contract.key), F.lit(_buckets(spark, table)))
    own = log.where("op <> 't'").withColumn(BUCKET, bucket)
    shape = from_arrow_schema(pa.schema(typed_columns(contract)))
    return own.groupBy(BUCKET).applyInArrow(_fold_bucket(contract, truncates, moment), shape)


def _log(spark: SparkSession, table: Table, contract: Contract, moment: datetime) -> DataFrame:
    """Return the log's changes up to the moment; all where updates are partial, as a change then shows what smaller ones gave."""
    log = read_table(spark, table)
    rows = log.selectExpr(*_selected(log, table, log_columns(contract)))
    rows = rows.withColumn("row_id", F.lit(None).cast("string"))  # long, and not needed
    return rows if contract.partial_updates else rows.where(F.col(contract.event_time) <= literal(moment))


def _buckets(spark: SparkSession, table: Table) -> int:
    return max(int(spark.conf.get("spark.sql.shuffle.partitions") or 1), count_rows(table) // BUCKET_ROWS + 1)


def _fold_bucket(contract: Contract, truncates: pa.Table, moment: datetime) -> Callable[[pa.Table], pa.Table]:
    """Return what a worker runs on the changes of a bucket: it returns the rows of the keys that were there at that moment."""
    names = [name for name, _ in typed_columns(contract)]
    at = pa.scalar(moment, TIMESTAMP)

    def fold_bucket(changes: pa.Table) -> pa.Table:
        versions = fold_versions(rows_from_changes(changes, contract), truncates, contract)
        goes_on = pc.or_(pc.greater(versions["valid_to"], at), versions["is_current"])
        return versions.filter(pc.and_(pc.less_equal(versions["valid_from"], at), goes_on)).select(names)

    return fold_bucket
