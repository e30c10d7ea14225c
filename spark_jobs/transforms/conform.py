"""Bronze rows to the latest version's fields, still as text: find each row's version (``contract_version``), then migrate it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from schema_registry import expressions
from schema_registry.contract import VERSION_COLUMN
from spark_jobs.transforms.contract_version import raw_column, received_text, version_of
from spark_jobs.transforms.null_on_error import null_on_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from schema_registry.migration import Step
    from schema_registry.registry import Subject

#: Columns of Bronze that pass through untouched.
CARRIED_COLUMNS = ("row_id", "source", "source_position", "ingested_at", "read_error", "raw")


def conform(bronze: DataFrame, subject: Subject, added_later: Sequence[str] = ()) -> DataFrame:
    """Return each row with the latest contract's fields as text, null where absent or empty.

    Adds ``_version`` (as received; null where unknown) and keeps what was received for :func:`extras` and :func:`payload`, and the
    columns of :func:`migration_failures`. ``added_later``: fields that became columns after the table was made; older rows hold
    them in ``payload_rest``.
    """
    rows = bronze.select(*_received_columns(subject, added_later)).withColumn("_version", version_of(subject))
    first = subject.contracts[0].columns
    rows = rows.select(*_carried_names(subject), *[received_text(name).alias(name) for name in first])
    failed: list[str] = []
    for step in subject.steps:
        target = subject.contract(step.to_version).columns
        migrated = [_migrated_field(name, step) for name in target]
        failing = [_failure(name, step) for name in _can_fail(step)]
        rows = rows.select(*_carried_names(subject), *failed, *failing, *migrated)
        failed += [_failed_column(name, step) for name in _can_fail(step)]
    return rows


def migration_failures(subject: Subject) -> list[tuple[str, str, str]]:
    """Return the migrations that can fail: a column that is true where it did, the field, and its expression."""
    return [
        (_failed_column(name, step), name, step.expressions[name] or "")
        for step in subject.steps
        for name in _can_fail(step)
    ]


def _can_fail(step: Step) -> list[str]:
    """Return the fields whose migration can fail: those computed from others. A mere name or a constant cannot."""
    computed = [(name, sql) for name, sql in step.expressions.items() if sql is not None and not _is_bare(sql)]
    return [name for name, sql in computed if expressions.columns(sql)]


def _failed_column(name: str, step: Step) -> str:
    return f"_failed_{step.to_version}_{name}"


def _failure(name: str, step: Step) -> Column:
    text = F.coalesce(F.expr(expressions.spark_sql(step.expressions[name] or "")).cast("string"), F.lit(""))
    return ((F.col("_version") < step.to_version) & null_on_error(text).isNull()).alias(_failed_column(name, step))


def _is_bare(expression: str) -> bool:
    return expression.strip("` ") in expressions.columns(expression)


def with_maps(conformed: DataFrame, subject: Subject) -> DataFrame:
    """Add ``_extras`` and ``_payload`` to conformed rows. The judge makes these maps itself, for the rows that need them."""
    return conformed.withColumns({"_extras": extras(subject), "_payload": payload(subject)})


def _received_columns(subject: Subject, added_later: Sequence[str]) -> list[Column]:
    """Return the carried columns, and every known field's text under a name of its own, apart from what migration makes of it."""
    fields = [
        F.coalesce(F.col(name), F.col("payload_rest")[name]) if name in added_later else F.col(name)
        for name in subject.known_fields
    ]
    known = [field.alias(raw_column(name)) for field, name in zip(fields, subject.known_fields, strict=True)]
    rest = (
        F.map_filter("payload_rest", lambda name, _: ~name.isin(*added_later)) if added_later else F.col("payload_rest")
    )
    return [*(F.col(name) for name in CARRIED_COLUMNS), rest.alias("payload_rest"), *known]


def _carried_names(subject: Subject) -> list[str]:
    return [*CARRIED_COLUMNS, "payload_rest", "_version", *[raw_column(name) for name in subject.known_fields]]


def _migrated_field(name: str, step: Step) -> Column:
    """Return a field at one step of the chain: migrated for rows of an older version, as received for this one and newer.

    Change columns are of no version and never migrate; in events the same names are fields like any other.
    """
    if name not in step.expressions:
        return received_text(name).alias(name)
    older = _migrated_text(step.expressions[name])
    return F.when(F.col("_version") < step.to_version, older).otherwise(received_text(name)).alias(name)


def _migrated_text(expression: str | None) -> Column:
    """Return the text that an expression makes; where that is empty, null, as it is where a cell is empty."""
    if expression is None:
        return F.lit(None).cast("string")
    text = F.expr(expressions.spark_sql(expression)).cast("string")
    return text if _is_bare(expression) else F.nullif(null_on_error(text), F.lit(""))


def extras(subject: Subject) -> Column:
    """Return as a map what has no place in the latest version: unknown fields, those that the row's own version does not have, and
    those of its own that no migration uses.
    """
    extra = []
    unused = {c.version: subject.unused(c.version) for c in subject.contracts}
    for name in subject.known_fields:
        without = [c.version for c in subject.contracts if name not in c.columns or name in unused[c.version]]
        if without and name != VERSION_COLUMN:
            extra.append((name, F.col("_version").isin(*without) & received_text(name).isNotNull()))
    if not extra:
        return F.col("payload_rest")
    has_extra = F.lit(False)
    for _, is_extra in extra:
        has_extra = has_extra | is_extra
    found = _map_of([(name, F.when(is_extra, F.col(raw_column(name)))) for name, is_extra in extra])
    return F.when(has_extra, F.map_concat(_rest(), found)).otherwise(F.col("payload_rest"))


def payload(subject: Subject) -> Column:
    """Return the row as received, as a map of every field that it names; null where it could not be read."""
    present = _map_of([(name, F.col(raw_column(name))) for name in subject.known_fields])
    return F.when(F.col("read_error").isNull(), F.map_concat(present, _rest()))


def received_version() -> Column:
    """Return the text of the row's schema_version field; null where absent or empty."""
    return received_text(VERSION_COLUMN)


def _map_of(entries: Sequence[tuple[str, Column]]) -> Column:
    """Return a map of the entries whose value is not null.

    Higher-order functions are evaluated only where the map is asked for and stay out of the stage's generated code, which
    without them is small enough for the JIT: measured, that halves the time of judging.
    """
    names = F.array(*[F.lit(name) for name, _ in entries])
    values = F.array(*[value for _, value in entries])
    return F.map_filter(F.map_from_arrays(names, values), lambda _, value: value.isNotNull())


def _rest() -> Column:
    return F.coalesce(F.col("payload_rest"), F.create_map().cast("map<string,string>"))
