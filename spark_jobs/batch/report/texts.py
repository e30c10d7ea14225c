"""The figures of a report as text for people, on the page and on the terminal."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from spark_jobs.batch.report.dates import HELD_BACK, NO_ORDERS, OUTSIDE, PENDING, PUBLISHED

if TYPE_CHECKING:
    from datetime import date

    from spark_jobs.batch.report.figures import Report

#: What a missing value looks like, and a minus that is as wide as a digit.
DASH, MINUS = "–", "−"
#: Why a day's figures are missing, for people.
STATES = {
    PUBLISHED: "published",
    NO_ORDERS: "no orders",
    HELD_BACK: "held back by a gate",
    PENDING: "not built yet",
    OUTSIDE: "not published",
}


def number(value: Decimal | int | None) -> str:
    """Write a number with its thousands grouped, a decimal with its places, no currency."""
    return DASH if value is None else f"{value:,}".replace("-", MINUS)


def percent(share: Decimal | None, places: int = 1) -> str:
    """Write a share of one in percent, rounded half up."""
    if share is None:
        return DASH
    rounded = (share * 100).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{rounded:,}\N{NO-BREAK SPACE}%".replace("-", MINUS)


def points(share: Decimal | None) -> str:
    """Write a small share in percent with two places."""
    return percent(share, 2)


def change(value: Decimal | None) -> str:
    """Write a change with an arrow, as colour alone is not enough; as equal where it is less than half a tenth of a percent."""
    if value is None:
        return DASH
    sign = "▲" if value >= Decimal("0.0005") else "▼" if value <= Decimal("-0.0005") else "="
    return f"{sign}\N{NO-BREAK SPACE}{percent(abs(value))}"


def day_name(day: date, weekday: bool = True) -> str:
    """Write a day as Wed 4 Feb, or 4 Feb."""
    return f"{day:%a} {day.day} {day:%b}" if weekday else f"{day.day} {day:%b}"


def headline(report: Report) -> str:
    """Say the date's sales, and how they differ from a week before, in a sentence."""
    gmv, orders = report.figure("gmv"), report.figure("orders")
    sales = f"Sales of {number(gmv.value)} from {number(orders.value)} {'order' if orders.value == 1 else 'orders'}"
    moved, weekday = gmv.week_before_change, report.days[-1].weekday
    if moved is None:
        return f"{sales}; there is no {weekday} before to compare with." if not gmv.week_before else f"{sales}."
    if abs(moved) < Decimal("0.0005"):
        return f"{sales}, as much as on the {weekday} before."
    return f"{sales}, {percent(abs(moved))} {'more' if moved > 0 else 'less'} than on the {weekday} before."
