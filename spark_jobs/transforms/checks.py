"""A contract's constraints as checks: each a Column that is true where a row breaks it, and the detail that says so.

A null text passes every check but ``missing``; a text that spells no value is ``bad_type`` and breaks nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from schema_registry.contract import CHANGE_COLUMNS
from schema_registry.expressions import spark_sql
from spark_jobs.transforms.conform import migration_failures
from spark_jobs.transforms.field_checks import Check, field_checks
from spark_jobs.transforms.null_on_error import null_on_error
from spark_jobs.transforms.types import outside_years

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from schema_registry.contract import Contract, Rule
    from schema_registry.registry import Subject


def contract_checks(subject: Subject, clock_skew: timedelta) -> list[Check]:
    """Return every check of the latest version, in order: each field's own, then the row's rules."""
    latest = subject.latest
    of_fields = [check for field in latest.row_fields for check in field_checks(field, subject, clock_skew)]
    of_rows = [*_migration_checks(subject), *_rule_checks(latest), *_derived_checks(latest)]
    if latest.kind == "events":
        return of_fields + of_rows
    return [_for_operation(check, latest) for check in of_fields] + [_for_rows(check) for check in of_rows]


def _for_operation(check: Check, latest: Contract) -> Check:
    """Limit a check to the operations that bring its field: a delete brings its key, a truncate no field of the entity."""
    if check.field in (*CHANGE_COLUMNS, *latest.identifying):
        return check
    if check.field not in latest.key:
        return _for_rows(check)
    return replace(check, broken=check.broken & F.col("op").isin("c", "r", "u", "d"))


def _for_rows(check: Check) -> Check:
    """Limit a check to the operations that bring a row."""
    return replace(check, broken=check.broken & F.col("op").isin("c", "r", "u"))


def _migration_checks(subject: Subject) -> list[Check]:
    """Refuse a row whose migration fails: a null in its place would be a value lost in silence."""
    detail = "cannot be made of what the older version has: "
    return [
        Check("rule", name, F.col(failed), F.lit(detail + sql)) for failed, name, sql in migration_failures(subject)
    ]


def _rule_checks(latest: Contract) -> list[Check]:
    return [_rule_check(rule) for rule in latest.rules]


def _rule_check(rule: Rule) -> Check:
    """Check a rule. Null passes; a row that makes the rule raise an error does not: it is refused, and never stops a batch."""
    holds = null_on_error(F.coalesce(F.expr(spark_sql(rule.check)), F.lit(True)))
    detail = F.when(holds.isNull(), "cannot be decided for this row: ").otherwise("does not hold: ")
    return Check("rule", rule.name, ~F.coalesce(holds, F.lit(False)), F.concat(detail, F.lit(rule.check)))


def _derived_checks(latest: Contract) -> Iterator[Check]:
    """Check derived days and times, which can lie outside the years that readers know; no text of a field can."""
    for column in latest.derive:
        if column.type.name in ("date", "timestamp"):
            value = null_on_error(F.expr(spark_sql(column.expr)).try_cast(column.type.sql))
            detail = F.concat(value.cast("string"), F.lit(" lies outside the years 1 to 9999"))
            yield Check("out_of_range", column.name, outside_years(value, column.type), detail)
