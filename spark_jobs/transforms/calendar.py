"""The calendar of dim_date: a row a day, with the columns that reports group by and the public holidays of one country."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import holidays
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.errors import UsageError
from spark_jobs.schemas_gold import DIM_DATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: English whatever the locale, unlike the names of the standard library.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LANGUAGE = "en_US"
BETWEEN_HOLIDAYS = "; "


def calendar(country: str, first_year: int = 1990, last_year: int = 2050) -> pa.Table:
    """Return one row a day from 1 January of the first year to 31 December of the last, in order: DIM_DATE's columns.

    Weeks are those of ISO 8601; days of the week count from Monday, 1, and a weekend is Saturday and Sunday. Holidays are
    the country's public ones, those moved to another day among them; several on one day are joined by '; ' in order of their
    names. Names are English where the library has them so, else in the country's own language: never by the locale.
    Raises UsageError where the library knows no such country.
    """
    holiday_names = _holidays(country, first_year, last_year)
    days = _days(first_year, last_year)
    iso = pc.iso_calendar(days)
    month, weekday = pc.month(days), pc.struct_field(iso, "iso_day_of_week")
    holiday = pa.array([holiday_names.get(day) for day in days.to_pylist()], pa.string())
    columns = {
        "date_key": _date_key(days),
        "date": days,
        "year": pc.year(days),
        "quarter": pc.quarter(days),
        "month": month,
        "month_name": _name(MONTHS, month),
        "iso_year": pc.struct_field(iso, "iso_year"),
        "iso_week": pc.struct_field(iso, "iso_week"),
        "day": pc.day(days),
        "day_of_year": pc.day_of_year(days),
        "day_of_week": weekday,
        "day_name": _name(WEEKDAYS, weekday),
        "is_weekend": pc.greater_equal(weekday, 6),
        "is_month_end": _is_month_end(days),
        "is_holiday": holiday.is_valid(),
        "holiday_name": holiday,
    }
    return pa.table(columns).select(DIM_DATE.schema.names).cast(DIM_DATE.schema)


def _holidays(country: str, first_year: int, last_year: int) -> Mapping[date, str]:
    """Return the names of the holidays of each date."""
    try:
        plain = holidays.country_holidays(country)
    except NotImplementedError:  # how the library says that it does not know a country
        raise UsageError(
            f"HOLIDAYS_COUNTRY is '{country}', of which no holidays are known: it must be two capital letters "
            "(ISO 3166-1 alpha-2) of a country that the library 'holidays' has, such as US or BR"
        ) from None
    # Told no language that the country has, the library would ask the locale.
    language = LANGUAGE if LANGUAGE in plain.supported_languages else plain.default_language
    found = holidays.country_holidays(country, years=range(first_year, last_year + 1), language=language)
    return {day: BETWEEN_HOLIDAYS.join(sorted(set(found.get_list(day)))) for day in found}


def _days(first_year: int, last_year: int) -> pa.Array:
    first, last = date(first_year, 1, 1), date(last_year, 12, 31)
    since = (first - date(1970, 1, 1)).days
    return pa.array(range(since, since + (last - first).days + 1), pa.int32()).cast(pa.date32())


def _date_key(days: pa.Array) -> pa.Array:
    return pc.add(pc.add(pc.multiply(pc.year(days), 10_000), pc.multiply(pc.month(days), 100)), pc.day(days))


def _name(names: Sequence[str], number: pa.Array) -> pa.Array:
    return pa.array(names).take(pc.subtract(number, 1))


def _is_month_end(days: pa.Array) -> pa.Array:
    tomorrow = pc.add(days.cast(pa.int32()), pa.scalar(1, pa.int32())).cast(pa.date32())
    return pc.equal(pc.day(tomorrow), 1)
