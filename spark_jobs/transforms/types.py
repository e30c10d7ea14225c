"""Text to typed values, strictly and without rounding. A text that spells no exact value is null, never an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.schemas import to_micros

if TYPE_CHECKING:
    from pyspark.sql import Column

    from schema_registry.contract import FieldType

#: Days of which some moments lie outside the years 1 to 9999 in UTC, for which the form alone cannot speak.
_EDGES = "0001-01-01|9999-12-31"
_DAY = rf"(?!0000|{_EDGES})\d{{4}}-\d{{2}}-\d{{2}}"
_SECONDS, _ZONE = r":\d{2}(?:\.\d{1,9})?", r"(?:Z|[+-]\d{2}:?\d{2})?"
#: YYYY-MM-DD, T or a space, HH:MM[:SS[.fraction to 9]], Z or ±HH[:]MM or nothing (UTC).
#: Java's \z, as $ lets a newline pass.
TIMESTAMP_FORM = rf"\A{_DAY}[T ]\d{{2}}:\d{{2}}{_SECONDS}{_ZONE}\z"
MINUTE_FORM = rf"\A{_DAY}[T ]\d{{2}}:\d{{2}}{_ZONE}\z"
EDGE_FORM = rf"\A(?:{_EDGES})[T ]\d{{2}}:\d{{2}}(?:{_SECONDS})?{_ZONE}\z"
DATE_FORM = r"\A(?!0000)\d{4}-\d{2}-\d{2}\z"


def parse_text(text: Column, type_: FieldType) -> Column:
    """Return the value that the text spells in that type; null where it spells none.

    Numbers may have outer spaces; integers any white space or control character, as a pattern that refuses them cost a
    quarter of the judge's time. 1.0 is no int; more decimals than the scale, exponents, NaN and hex are no decimal.
    Fractions of a second past the sixth digit are cut; years are 1 to 9999. Needs spark.sql.session.timeZone=UTC.
    """
    if type_.name == "string":
        return text
    if type_.name == "decimal":
        return F.when(text.rlike(_decimal_form(type_.scale or 0)), text.try_cast(type_.sql))
    if type_.name == "timestamp":
        return _timestamp(text, type_)
    if type_.name == "date":
        return F.when(text.rlike(DATE_FORM), text.try_cast("date"))
    if type_.name == "boolean":
        return F.when(F.lower(text) == "true", True).when(F.lower(text) == "false", False)
    return text.try_cast(type_.sql)


def timestamp_literal(value: datetime) -> Column:
    """Return a literal of that moment. ``F.lit`` counts years before 1582 by the Julian calendar, two days off in the year 1."""
    return F.timestamp_micros(F.lit(to_micros(value)))


def outside_years(value: Column, type_: FieldType) -> Column:
    """True if a date or a time (UTC) lies outside the years 1 to 9999: Python, Postgres and half of all readers end there."""
    if type_.name == "date":  # not compared with times, which reach less far
        return (value < F.expr("DATE '0001-01-01'")) | (value > F.expr("DATE '9999-12-31'"))
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return (value < timestamp_literal(first)) | (value > timestamp_literal(last))


def _timestamp(text: Column, type_: FieldType) -> Column:
    """Read a timestamp. Only on the first and the last day of the years 1 to 9999 its zone decides if it is within them."""
    to_the_second = F.concat(F.substring(text, 1, 16), F.lit(":00"), F.substring(text, 17, 6))
    at_the_edge = F.when(F.substring(text, 17, 1) == ":", text).otherwise(to_the_second).try_cast("timestamp")
    return (
        F.when(text.rlike(TIMESTAMP_FORM), text.try_cast("timestamp"))
        .when(text.rlike(MINUTE_FORM), to_the_second.try_cast("timestamp"))
        .when(text.rlike(EDGE_FORM), F.when(~outside_years(at_the_edge, type_), at_the_edge))
    )


def _decimal_form(scale: int) -> str:
    fraction = rf"(?:\.\d{{0,{scale}}})?" if scale else ""
    bare = rf"|\.\d{{1,{scale}}}" if scale else ""
    return rf"\A *[+-]?(?:\d+{fraction}{bare}) *\z"


def key_text(columns: list[tuple[str, FieldType]]) -> Column:
    """Return a key as one text: the value itself where it has one part; else its parts, escaped, joined by |."""
    parts = [
        F.unix_micros(F.col(name)).cast("string") if type_.name == "timestamp" else F.col(name).cast("string")
        for name, type_ in columns
    ]
    if len(parts) == 1:
        return parts[0]
    return F.concat_ws(
        "|", *[F.replace(F.replace(part, F.lit("\\"), F.lit("\\\\")), F.lit("|"), F.lit("\\|")) for part in parts]
    )
