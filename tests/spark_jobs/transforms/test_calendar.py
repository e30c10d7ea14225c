"""The calendar: every day once, names and weeks whatever the locale, known holidays on their days."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spark_jobs.errors import UsageError
from spark_jobs.schemas_gold import DIM_DATE
from spark_jobs.transforms.calendar import calendar

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
US = {row["date"]: row for row in calendar("US").to_pylist()}


def holidays_of(country: str, year: int) -> dict[date, str]:
    found = calendar(country, year, year)
    return {row["date"]: row["holiday_name"] for row in found.filter(pc.field("is_holiday")).to_pylist()}


def test_every_day_of_the_years_has_one_row_in_order() -> None:
    found = calendar("US")
    assert found.schema == DIM_DATE.schema
    assert found.num_rows == 22_280
    first = date(1990, 1, 1)
    assert found["date"].to_pylist() == [first + timedelta(days=n) for n in range(22_280)]
    assert found["date"][-1].as_py() == date(2050, 12, 31)


def test_every_column_but_the_holidays_is_what_python_says_of_the_day() -> None:
    for day, row in US.items():
        iso = day.isocalendar()
        assert {name: value for name, value in row.items() if "holiday" not in name} == {
            "date_key": int(day.strftime("%Y%m%d")),
            "date": day,
            "year": day.year,
            "quarter": (day.month + 2) // 3,
            "month": day.month,
            "month_name": MONTHS[day.month - 1],
            "iso_year": iso.year,
            "iso_week": iso.week,
            "day": day.day,
            "day_of_year": day.timetuple().tm_yday,
            "day_of_week": iso.weekday,
            "day_name": WEEKDAYS[iso.weekday - 1],
            "is_weekend": iso.weekday > 5,
            "is_month_end": (day + timedelta(days=1)).day == 1,
        }


@pytest.mark.parametrize(
    ("day", "year", "week"),
    [
        (date(2020, 12, 31), 2020, 53),
        (date(2021, 1, 1), 2020, 53),
        (date(2021, 1, 4), 2021, 1),
        (date(2024, 12, 29), 2024, 52),
        (date(2024, 12, 30), 2025, 1),
        (date(2027, 1, 3), 2026, 53),
    ],
)
def test_days_around_new_year_belong_to_the_week_of_iso_8601(day: date, year: int, week: int) -> None:
    assert (US[day]["iso_year"], US[day]["iso_week"]) == (year, week)


def test_a_leap_day_is_there_in_leap_years_only_and_ends_its_month() -> None:
    leap = US[date(2024, 2, 29)]
    assert (leap["date_key"], leap["day_of_year"], leap["is_month_end"], leap["day_name"]) == (
        20240229,
        60,
        True,
        "Thursday",
    )
    assert not US[date(2024, 2, 28)]["is_month_end"]
    assert US[date(2023, 2, 28)]["is_month_end"]
    assert (US[date(2024, 12, 31)]["day_of_year"], US[date(2023, 12, 31)]["day_of_year"]) == (366, 365)
    assert sum(day.month == 2 and day.day == 29 for day in US) == 15


def test_holidays_of_the_united_states_are_on_their_days_also_where_they_are_moved() -> None:
    found = holidays_of("US", 2026)
    assert found[date(2026, 1, 1)] == "New Year's Day"
    assert found[date(2026, 7, 3)] == "Independence Day (observed)"
    assert found[date(2026, 7, 4)] == "Independence Day"
    assert found[date(2026, 11, 26)] == "Thanksgiving Day"
    assert date(2026, 11, 27) not in found


def test_holidays_of_brazil_are_on_their_days_in_english() -> None:
    found = holidays_of("BR", 2026)
    assert found[date(2026, 4, 3)] == "Good Friday"
    assert found[date(2026, 4, 21)] == "Tiradentes' Day"
    assert found[date(2026, 9, 7)] == "Independence Day"
    assert date(2026, 7, 4) not in found


def test_a_day_has_a_holidays_name_where_it_is_one_and_none_elsewhere() -> None:
    found = calendar("BR")
    assert found["is_holiday"].null_count == 0
    assert pc.equal(found["is_holiday"], pc.is_valid(found["holiday_name"])) == pa.chunked_array(
        [pa.repeat(True, found.num_rows)]
    )


def test_several_holidays_of_a_day_are_joined_in_order_of_their_names() -> None:
    names = holidays_of("JP", 2026) | holidays_of("US", 2021) | holidays_of("GB", 2022) | holidays_of("DE", 2008)
    assert names[date(2008, 5, 1)] == "Ascension Day; Labor Day"
    assert all(name.split("; ") == sorted(set(name.split("; "))) for name in names.values())


@pytest.mark.parametrize("country", ["XX", "us", "USS"])
def test_a_country_that_is_not_known_is_an_error_that_names_the_setting_and_the_form(country: str) -> None:
    with pytest.raises(UsageError, match=rf"HOLIDAYS_COUNTRY is '{country}'.*two capital letters.*US or BR") as caught:
        calendar(country)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("country", ["BR", "NZ"])
def test_the_locale_of_the_process_changes_nothing(country: str) -> None:
    script = (
        "import hashlib, pyarrow; from spark_jobs.transforms.calendar import calendar; "
        f"print(hashlib.sha256(repr(calendar('{country}').to_pylist()).encode()).hexdigest())"
    )
    said: set[Any] = set()
    for locale in ("C", "pt_BR.UTF-8", "th_TH.UTF-8"):
        variables = {"LANGUAGE": locale, "LC_ALL": locale, "LANG": locale, "PYTHONHASHSEED": "random"}
        done = subprocess.run(
            [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True, timeout=60
        )
        said.add(done.stdout)
    assert len(said) == 1
