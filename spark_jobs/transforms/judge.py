"""Judge every row once, vectorised, with every reason against it.

A row's broken checks are bits of a few longs; the details are put together for refused rows only.
Order: unreadable → version → types and constraints → rules. Then, outside of Spark's plan: duplicates (``dedupe``),
which need the other rows, and lateness (``lateness``), which needs a watermark that moves with every batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from schema_registry.expressions import spark_sql
from spark_jobs.transforms.checks import contract_checks
from spark_jobs.transforms.conform import extras, payload, received_version
from spark_jobs.transforms.contract_version import named_fields
from spark_jobs.transforms.field_checks import Check, text_column
from spark_jobs.transforms.null_on_error import null_on_error
from spark_jobs.transforms.types import key_text, parse_text

if TYPE_CHECKING:
    from datetime import timedelta

    from pyspark.sql import Column, DataFrame

    from schema_registry.contract import Contract
    from schema_registry.registry import Subject

#: Checks whose bits one long holds.
BITS = 62
#: The columns of a judged row that deduplication needs.
DEDUPE_COLUMNS = ("row_id", "source", "ingested_at", "source_position", "_key", "_event_time", "_valid")


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """Settings that rows are judged by besides their contracts; constant while a stream runs, so its plan is compiled once.

    ``clock_skew``: how long after it was received a time may lie; ``refuse_late``: late rows become dead letters.
    """

    clock_skew: timedelta
    refuse_late: bool


def judge(conformed: DataFrame, subject: Subject, options: JudgeOptions) -> DataFrame:
    """Return typed rows with a verdict on each, but for duplicates and lateness.

    Columns: the latest contract's fields (for changes the change columns first, and ``given``), its derived columns,
    ``row_id``, ``source``, ``source_position``, ``ingested_at``, ``raw``, ``schema_version``, ``extras``, ``event_date``, and
    the judge's own: ``_key`` (text), ``_event_time``, ``_valid`` (no check broken), ``_control`` (carries no row), ``_reasons``
    (null where valid) and ``_payload`` (null where the row cannot become a dead letter: it is valid, and late rows are not
    refused).
    """
    checks = contract_checks(subject, options.clock_skew)
    rows = _with_typed_values(conformed, subject).withColumns({"_readable": _readable(), **_masks(checks)})
    rows = rows.withColumn("_valid", F.col("_readable") & _none_broken(checks))
    return rows.select(*_row_columns(subject), *_verdict_columns(subject, checks, options))


def _with_typed_values(conformed: DataFrame, subject: Subject) -> DataFrame:
    """Return the rows with each field's typed value under its name, and its text beside it (see ``text_column``)."""
    rows = conformed.withColumnsRenamed({name: f"_text_{name}" for name in subject.latest.columns})
    typed = {field.name: parse_text(text_column(field.name), field.type) for field in subject.latest.row_fields}
    return rows.withColumns(typed).transform(_with_given, subject)


def _row_columns(subject: Subject) -> list[str | Column]:
    latest = subject.latest
    return [
        *latest.columns,
        *(["given"] if latest.kind == "changes" else []),
        *[
            null_on_error(F.expr(spark_sql(column.expr)).try_cast(column.type.sql)).alias(column.name)
            for column in latest.derive
        ],
        *["row_id", "source", "source_position", "ingested_at", "raw"],
        F.col("_version").alias("schema_version"),
        extras(subject).alias("extras"),
        F.col(latest.event_time).cast("date").alias("event_date"),
    ]


def _verdict_columns(subject: Subject, checks: list[Check], options: JudgeOptions) -> list[str | Column]:
    latest = subject.latest
    may_be_refused = F.lit(True) if options.refuse_late else ~F.col("_valid")
    return [
        key_text([(name, latest.field(name).type) for name in identity_columns(latest)]).alias("_key"),
        F.col(latest.event_time).alias("_event_time"),
        "_valid",
        F.lit(False).alias("_control"),
        F.when(~F.col("_valid"), _reasons(checks, subject)).alias("_reasons"),
        F.when(may_be_refused, payload(subject)).alias("_payload"),
    ]


def identity_columns(contract: Contract) -> tuple[str, ...]:
    """Return the columns by which two rows are the same: an event's key; a change's own id, whatever row it is about."""
    return contract.key if contract.kind == "events" else ("change_id",)


def _with_given(rows: DataFrame, subject: Subject) -> DataFrame:
    """Add to changes ``given``: the fields that a partial update names, null where the row is whole."""
    if subject.kind == "events":
        return rows
    names = named_fields(subject) if subject.latest.partial_updates else F.lit(None).cast("array<string>")
    return rows.withColumn("given", names)


def _readable() -> Column:
    return F.col("read_error").isNull() & F.col("_version").isNotNull()


def _masks(checks: list[Check]) -> dict[str, Column]:
    return {f"_mask{at // BITS}": _mask(checks[at : at + BITS]) for at in range(0, len(checks), BITS)}


def _mask(some: list[Check]) -> Column:
    mask = F.lit(0).cast("long")
    for bit, check in enumerate(some):
        mask = mask.bitwiseOR(F.when(check.broken, F.lit(1 << bit).cast("long")).otherwise(F.lit(0).cast("long")))
    return mask


def _none_broken(checks: list[Check]) -> Column:
    none = F.lit(True)
    for name in _masks(checks):
        none = none & (F.col(name) == 0)
    return none


def _reasons(checks: list[Check], subject: Subject) -> Column:
    """Return every reason against a refused row. What could not be read, or has no known version, is judged no further."""
    each = [
        F.when(F.col(f"_mask{at // BITS}").bitwiseAND(F.lit(1 << at % BITS).cast("long")) != 0, _reason(check))
        for at, check in enumerate(checks)
    ]
    # A higher-order function keeps the reasons' details, needed by few rows, out of the code generated for all rows.
    judged = F.filter(F.array(*each), lambda reason: reason.isNotNull())
    unknown = Check("unknown_version", "schema_version", F.col("_version").isNull(), _unknown_version(subject))
    return (
        F.when(F.col("read_error").isNotNull(), F.col("read_error"))
        .when(unknown.broken, F.array(_reason(unknown)))
        .otherwise(judged)
    )


def _reason(check: Check) -> Column:
    return F.struct(
        F.lit(check.code).alias("code"), F.lit(check.field).alias("field"), check.detail.cast("string").alias("detail")
    )


def _unknown_version(subject: Subject) -> Column:
    stated = received_version()
    needed = ", ".join(subject.contracts[0].required_names)
    return F.when(
        stated.isNotNull(), F.concat(F.lit("'"), stated, F.lit(f"' is none of 1 to {subject.latest.version}"))
    ).otherwise(F.lit(f"no version's required fields are all named; v1 needs {needed}"))
