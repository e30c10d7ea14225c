"""The trend of a report: the sales of each day up to its date, and the date's figures compared with earlier days."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.batch.report.arithmetic import CENT, relative_change, rounded, sum_known
from spark_jobs.batch.report.dates import NO_ORDERS
from spark_jobs.batch.report.days import WEEK, WINDOW, rows_of_dates, window
from spark_jobs.batch.report.figures import Day, Figure
from spark_jobs.storage.key_lookup import rows_with_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from spark_jobs.batch.report.dates import GoldDates
    from spark_jobs.lake import Lake

#: The figures of a day, columns of daily_gmv.
MEASURES = ("gmv", "orders", "customers", "units", "average_order_value", "cancelled_orders", "cancelled_amount")


def trend_days(lake: Lake, gold: GoldDates, day: date) -> tuple[Day, ...]:
    """Return the trend's days, and those before it that its first mean needs; oldest first."""
    wanted = window(day, WINDOW + WEEK - 1)
    sales = {row["order_date"]: row for row in rows_of_dates(lake, "daily_gmv", wanted)}
    calendar = {row["date"]: row for row in _calendar_rows(lake, wanted)}
    measured = {each: _measures(sales.get(each), gold.state(each)) for each in wanted}
    return tuple(
        Day(each, **_calendar_fields(each, calendar.get(each)), state=gold.state(each), **measured[each], gmv_mean=mean)
        for each, mean in zip(wanted, _week_means([measured[each]["gmv"] for each in wanted]), strict=True)
    )


def _calendar_rows(lake: Lake, days: Sequence[date]) -> list[dict[str, Any]]:
    keys = pa.array([int(f"{each:%Y%m%d}") for each in days], pa.int32())
    found: list[dict[str, Any]] = rows_with_keys(
        lake.gold("dim_date"), keys, ["date", "is_weekend", "is_holiday", "holiday_name"]
    ).to_pylist()
    return found


def _calendar_fields(day: date, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return weekday, is_weekend and holiday of a day by dim_date; where that does not reach, by any calendar."""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    known = row or {"is_weekend": day.isoweekday() > 5, "is_holiday": False, "holiday_name": None}
    holiday = (known["holiday_name"] or "holiday") if known["is_holiday"] else None
    return {"weekday": names[day.weekday()], "is_weekend": known["is_weekend"], "holiday": holiday}


def _measures(row: Mapping[str, Any] | None, state: str) -> dict[str, Any]:
    """Return a day's figures by daily_gmv; without a row zeros where it has no orders, else None."""
    if row is not None:
        return {name: row[name] for name in MEASURES}
    none = {"gmv": Decimal("0.00"), "cancelled_amount": Decimal("0.00"), "average_order_value": None}
    return {name: none.get(name, 0) if state == NO_ORDERS else None for name in MEASURES}


def _week_means(values: Sequence[Decimal | None]) -> list[Decimal | None]:
    """Return for each value the mean of the week that ends with it; None where one of the seven is not known."""
    found: list[Decimal | None] = []
    for number in range(len(values)):
        week = [one for one in values[max(0, number - WEEK + 1) : number + 1] if one is not None]
        found.append(rounded(sum_known(week) / WEEK, CENT) if len(week) == WEEK else None)
    return found


def compared_figure(name: str, today: Day, week: Day, before: Day) -> Figure:
    """Return a figure of the date with those of a week before and the day before."""
    value, then, yesterday = (getattr(each, name) for each in (today, week, before))
    return Figure(name, value, then, relative_change(then, value), yesterday, relative_change(yesterday, value))
