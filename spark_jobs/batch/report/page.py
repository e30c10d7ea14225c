"""A report as one HTML page that needs nothing else: no request to any host, no script, pictures drawn in the page itself.

The words and figures are those of the report; whatever came from data is escaped by the template.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from config.escaping import escape_controls
from spark_jobs.batch.report.charts import Plot, Scale, Slot, plot, short, short_share
from spark_jobs.batch.report.dates import HELD_BACK, NO_ORDERS, OUTSIDE, PENDING, PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from jinja2 import Template

    from spark_jobs.batch.report.charts import Value
    from spark_jobs.batch.report.figures import Day, Report

#: What a missing value looks like, and a minus that is as wide as a digit.
DASH, MINUS = "–", "−"
#: Axes of shares have ticks no finer than this.
FINEST_SHARE = Decimal("0.001")
TALL, MIDDLE, LOW = 210, 130, 66
#: The date's value is written this far above what it must not cover, as many days wide on a phone.
ABOVE, BESIDE = 8, 6
#: Why a day's figures are missing, for people.
STATES = {
    PUBLISHED: "published",
    NO_ORDERS: "no orders",
    HELD_BACK: "held back by a gate",
    PENDING: "not built yet",
    OUTSIDE: "not published",
}
HEADLINES = (
    ("gmv", "Sales (GMV)"),
    ("orders", "Orders"),
    ("customers", "Customers"),
    ("units", "Units"),
    ("average_order_value", "Average order value"),
    ("cancelled_orders", "Cancelled orders"),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A day in a chart: its place, the words that say what kind of day it is, and its tooltip."""

    slot: Slot
    day: Day
    kinds: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of the trend's days. ``about`` says in words what it shows; ``line`` is a path.

    ``own`` is the date's value as text, and ``own_y`` where it stands clear of columns and line.
    """

    name: str
    label: str
    about: str
    plot: Plot
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    line: str
    own: str
    own_y: float

    @property
    def empty(self) -> bool:
        """Whether none of the days has a value."""
        return all(mark.slot.top is None for mark in self.marks)


def page(report: Report) -> str:
    """The whole page as HTML text."""
    return _template().render(
        report=report,
        headline=headline(report),
        headlines=HEADLINES,
        states=STATES,
        sales=_sales(report),
        refunds=_refunds(report),
        quality=_quality(report),
        blocking=[one for one in report.standing.gates if one.holds_back],
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.filters |= {"number": number, "percent": percent, "points": points, "day": day_name, "change": change}
    return environment.get_template("report.html")


def _seen(value: object) -> object:
    """What is put into the page: names that came with the data do nothing but be read. What a macro made is the page's own."""
    return escape_controls(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def number(value: Decimal | int | None) -> str:
    """Grouped by thousands, a decimal with its places, no currency."""
    return DASH if value is None else f"{value:,}".replace("-", MINUS)


def percent(share: Decimal | None, places: int = 1) -> str:
    """A share of one in percent, half up."""
    if share is None:
        return DASH
    rounded = (share * 100).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{rounded:,}\N{NO-BREAK SPACE}%".replace("-", MINUS)


def points(share: Decimal | None) -> str:
    """A small share: in percent with two places."""
    return percent(share, 2)


def change(value: Decimal | None) -> str:
    """A change with an arrow, as colour alone would not tell; equal where it is less than half a tenth of a percent."""
    if value is None:
        return DASH
    sign = "▲" if value >= Decimal("0.0005") else "▼" if value <= Decimal("-0.0005") else "="
    return f"{sign}\N{NO-BREAK SPACE}{percent(abs(value))}"


def day_name(day: date, weekday: bool = True) -> str:
    """Wed 4 Feb, or 4 Feb."""
    return f"{day:%a} {day.day} {day:%b}" if weekday else f"{day.day} {day:%b}"


def headline(report: Report) -> str:
    """The date in a sentence."""
    gmv, orders = report.figure("gmv"), report.figure("orders")
    told = f"Sales of {number(gmv.value)} from {number(orders.value)} {'order' if orders.value == 1 else 'orders'}"
    moved, weekday = gmv.week_before_change, report.days[-1].weekday
    if moved is None:
        return f"{told}; there is no {weekday} before to compare with." if not gmv.week_before else f"{told}."
    if abs(moved) < Decimal("0.0005"):
        return f"{told}, as much as on the {weekday} before."
    return f"{told}, {percent(abs(moved))} {'more' if moved > 0 else 'less'} than on the {weekday} before."


def _sales(report: Report) -> Chart:
    def told(number_: int) -> str:
        one = report.days[number_]
        return f"{number(one.gmv)} from {number(one.orders)} orders, seven-day mean {number(one.gmv_mean)}"

    values = [one.gmv for one in report.days]
    means = [one.gmv_mean for one in report.days]
    about = f"Sales of each of {len(values)} days as columns, their seven-day mean as a line. {_span(values, number)}"
    scale = Scale.over([*values, *means])
    return _chart(report, "sales", "Sales by day", about, values, scale, short, TALL, told, means)


def _refunds(report: Report) -> Chart:
    def told(number_: int) -> str:
        one = report.refunds[number_]
        return f"{percent(one.refund_rate, 2)}, {number(one.refunded_amount)} of {number(one.paid_amount)} paid"

    values = [one.refund_rate for one in report.refunds]
    about = f"Share of the paid amount refunded since, by day of the order, as a line. {_span(values, points)}"
    scale = Scale.over(values, least=FINEST_SHARE, steps=3)
    return _chart(report, "refunds", "Refund rate by day", about, values, scale, short_share, MIDDLE, told, values)


def _quality(report: Report) -> tuple[Chart, ...]:
    """The same days three times over, each with a scale of its own: dead letters would not be seen beside accepted rows."""
    named = (("accepted", "Accepted rows"), ("dead_letters", "Dead letters"), ("late", "Late rows"))
    return tuple(_quality_of(report, name, label) for name, label in named)


def _quality_of(report: Report, name: str, label: str) -> Chart:
    values: list[Value] = [getattr(one, name) for one in report.quality]
    about = f"{label} of each of {len(values)} days as columns. {_span(values, number)}"
    scale = Scale.over(values, steps=2)
    return _chart(
        report, name, f"{label} by day", about, values, scale, short, LOW, lambda place: number(values[place])
    )


def _chart(
    report: Report,
    name: str,
    label: str,
    about: str,
    values: Sequence[Value],
    scale: Scale,
    form: Callable[[Decimal, Scale], str],
    inner: int,
    told: Callable[[int], str],
    line: Sequence[Value] = (),
) -> Chart:
    places = plot(values, scale, inner)
    marks = tuple(
        _mark(slot, day, value, told(number_))
        for number_, (slot, day, value) in enumerate(zip(places.slots, report.days, values, strict=True))
    )
    ticks = tuple((y, form(tick, scale)) for tick, y in places.lines)
    own = points(values[-1]) if isinstance(values[-1], Decimal) and form is short_share else number(values[-1])
    near = [places.y(one) for one in (*values[-BESIDE:], *line[-BESIDE:]) if one is not None]
    path = places.path(line) if line else ""
    return Chart(name, label, about, places, ticks, marks, path, own, min([*near, places.baseline]) - ABOVE)


def _mark(slot: Slot, day: Day, value: Value, told: str) -> Mark:
    kinds = [
        "today" if slot.last else "holiday" if day.holiday else "weekend" if day.is_weekend else "weekday",
        "gap" if value is None else "zero" if not value else "",
    ]
    missing = STATES[day.state] if day.state not in (PUBLISHED, NO_ORDERS) else "no rows"
    holiday = f" ({day.holiday})" if day.holiday else ""
    return Mark(
        slot, day, " ".join(kinds).rstrip(), f"{day_name(day.date)}{holiday}: {missing if value is None else told}"
    )


def _span(values: Sequence[Value], form: Callable[[Decimal], str]) -> str:
    """The date's value, and between which values the others lie."""
    known = [Decimal(one) for one in values if one is not None]
    gaps = len(values) - len(known)
    if not known:
        return "None of the days has a value."
    last = "unknown" if values[-1] is None else form(Decimal(values[-1]))
    without = f" {gaps} of the days {'has' if gaps == 1 else 'have'} no value." if gaps else ""
    return f"Lowest {form(min(known))}, highest {form(max(known))}, on the report's date {last}.{without}"
