"""The checks of one field: missing, wrong type, out of range, not allowed, pattern, length, and its place in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import Column
from pyspark.sql import functions as F

from schema_registry.checks import longest_matched
from schema_registry.expressions import spark_sql
from spark_jobs.transforms.null_on_error import null_on_error
from spark_jobs.transforms.types import timestamp_literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from decimal import Decimal

    from schema_registry.contract import Contract, Field
    from schema_registry.registry import Subject

#: Characters of a text that a detail shows.
LONGEST_SHOWN = 80
#: The characters that are white space in Unicode.
WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())


@dataclass(frozen=True, slots=True)
class Check:
    """One way to break a contract. ``broken`` may be null (passes); ``detail`` is evaluated for refused rows only."""

    code: str
    field: str
    broken: Column
    detail: Column


def text_column(name: str) -> Column:
    """Return the column of a field's text; the field's own column holds its typed value."""
    return F.col(f"_text_{name}")


def field_checks(field: Field, subject: Subject, clock_skew: timedelta) -> Iterator[Check]:
    """Yield every check of a field of the latest version."""
    yield from _missing(field, subject)
    value, shown = F.col(field.name), _shown(field.name)
    if field.type.name != "string":
        wrong = text_column(field.name).isNotNull() & value.isNull()
        yield Check("bad_type", field.name, wrong, F.concat(shown, F.lit(f" is no {field.type.sql}")))
    if field.min is not None or field.max is not None:
        yield Check("out_of_range", field.name, _outside(field), F.concat(shown, F.lit(f" is not {_range(field)}")))
    if field.enum:
        detail = F.lit(f" is none of {', '.join(field.enum)}")
        yield Check("not_allowed", field.name, ~value.isin(*field.enum), F.concat(shown, detail))
    if field.pattern is not None:
        yield _pattern_check(field, value)
    if field.max_length is not None:
        length = F.char_length(value)
        detail = F.concat(length.cast("string"), F.lit(f" characters, at most {field.max_length} allowed"))
        yield Check("too_long", field.name, length > field.max_length, detail)
    yield from _time_checks(field, clock_skew)


def _missing(field: Field, subject: Subject) -> Iterator[Check]:
    text = text_column(field.name)
    nothing = text.isNull() & _must_name(field, subject)
    nothing = nothing | _blank(text) if field.non_blank else nothing
    if field.required or _identifies(field, subject.latest):
        yield Check("missing", field.name, nothing, F.lit(f"'{field.name}' is absent or empty"))
    elif field.required_when is not None:
        applies = null_on_error(F.coalesce(F.expr(spark_sql(field.required_when)), F.lit(False)))
        needed = F.coalesce(applies, F.lit(True)) & nothing
        detail = F.lit(f"'{field.name}' is absent or empty, and required where {field.required_when}")
        yield Check("missing", field.name, needed | _blank(text) if field.non_blank else needed, detail)
    elif field.non_blank:
        yield Check("missing", field.name, _blank(text), F.lit(f"'{field.name}' is blank"))


def _identifies(field: Field, latest: Contract) -> bool:
    """True if no row can do without the field: its key, its event time, what puts changes in order."""
    return field.name in (*latest.key, *latest.identifying)


def _must_name(field: Field, subject: Subject) -> Column:
    """True if a row must have the field: always where it identifies the row.

    Else not where the contracts say that the row's version has none, nor where a partial update does not name it.
    """
    must = F.lit(True)
    if _identifies(field, subject.latest):
        return must
    exempt = sorted(subject.exempt_versions[field.name])
    if exempt:
        must = ~F.col("_version").isin(*exempt)
    if subject.latest.partial_updates:
        must = must & ((F.col("op") != "u") | F.array_contains("given", field.name))
    return must


def _blank(text: Column) -> Column:
    """True if the text is white space alone. Trimming costs more than comparing; few texts start with anything but plain ASCII."""
    may_start_with_white_space = (text < "!") | (text > "\x7f")
    return may_start_with_white_space & (F.trim(text, F.lit(WHITE_SPACE)) == "")


def _outside(field: Field) -> Column:
    value = F.col(field.name)
    bounds = []
    if field.min is not None:
        bounds.append(value < _number(field, field.min))
    if field.max is not None:
        bounds.append(value > _number(field, field.max))
    return bounds[0] | bounds[1] if len(bounds) == 2 else bounds[0]


def _number(field: Field, bound: Decimal) -> Column:
    """Return the bound as a literal of the field's own type, so that comparing never widens and overflows."""
    return F.lit(int(bound)) if field.type.is_integer else F.lit(f"{bound:f}").cast(field.type.sql)


def _range(field: Field) -> str:
    if field.min is None:
        return f"at most {field.max}"
    return f"at least {field.min}" if field.max is None else f"between {field.min} and {field.max}"


def _pattern_check(field: Field, value: Column) -> Check:
    """Check a pattern. A text beyond the limit does not match; no pattern is tried on it, as that can take for ever."""
    limit, length = longest_matched(field), F.char_length(value)
    broken = F.when(length > limit, F.lit(True)).otherwise(~value.rlike(rf"\A(?:{field.pattern})\z"))
    long = F.concat(length.cast("string"), F.lit(f" characters, a pattern is tried on at most {limit}"))
    short = F.concat(_shown(field.name), F.lit(f" does not match {field.pattern}"))
    return Check("bad_pattern", field.name, broken, F.when(length > limit, long).otherwise(short))


def _time_checks(field: Field, clock_skew: timedelta) -> Iterator[Check]:
    value, shown = F.col(field.name), _shown(field.name)
    if field.not_before is not None:
        detail = F.concat(shown, F.lit(f" is before {field.not_before:%Y-%m-%d}"))
        yield Check("too_old", field.name, value < timestamp_literal(field.not_before), detail)
    if field.not_future:
        limit = F.col("ingested_at") + F.expr(f"INTERVAL {int(clock_skew.total_seconds() * 1000)} MILLISECONDS")
        detail = F.concat(shown, F.lit(" lies after it was received, "), F.col("ingested_at").cast("string"))
        yield Check("future", field.name, value > limit, detail)


def _shown(name: str) -> Column:
    """Return the text as received, in quotes, cut to a readable length."""
    text = text_column(name)
    cut = F.when(
        F.char_length(text) > LONGEST_SHOWN, F.concat(F.left(text, F.lit(LONGEST_SHOWN)), F.lit("…"))
    ).otherwise(text)
    return F.concat(F.lit("'"), F.coalesce(cut, F.lit("")), F.lit("'"))
