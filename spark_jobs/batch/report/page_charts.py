"""The charts of a report's page: the places of columns and lines, and the words beside them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from spark_jobs.batch.report.charts import Plot, Scale, Slot, plot, short, short_share
from spark_jobs.batch.report.dates import NO_ORDERS, PUBLISHED
from spark_jobs.batch.report.texts import STATES, day_name, number, percent, points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spark_jobs.batch.report.charts import Value
    from spark_jobs.batch.report.figures import Day, Report

#: Axes of shares have ticks no finer than this.
FINEST_SHARE = Decimal("0.001")
TALL, MIDDLE, LOW = 210, 130, 66
#: The date's value is written this far above what it must not cover, as many days wide on a phone.
ABOVE, BESIDE = 8, 6


@dataclass(frozen=True, slots=True)
class Mark:
    """A day in a chart: its place, the words that say what kind of day it is, and its tooltip."""

    slot: Slot
    day: Day
    kinds: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of the trend's days. ``about`` says in words what it shows; ``line`` is an SVG path.

    ``own`` is the date's value as text, and ``own_y`` its distance from the top, clear of columns and line.
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
        """True if none of the days has a value."""
        return all(mark.slot.top is None for mark in self.marks)


def sales_chart(report: Report) -> Chart:
    """Draw the sales of each day as columns, their seven-day mean as a line."""

    def tooltip(number_: int) -> str:
        one = report.days[number_]
        return f"{number(one.gmv)} from {number(one.orders)} orders, seven-day mean {number(one.gmv_mean)}"

    values = [one.gmv for one in report.days]
    means = [one.gmv_mean for one in report.days]
    about = f"Sales of each of {len(values)} days as columns, their seven-day mean as a line. {_span(values, number)}"
    scale = Scale.over([*values, *means])
    return _chart(report, "sales", "Sales by day", about, values, scale, short, TALL, tooltip, means)


def refund_chart(report: Report) -> Chart:
    """Draw the refund rate of each day as a line."""

    def tooltip(number_: int) -> str:
        one = report.refunds[number_]
        return f"{percent(one.refund_rate, 2)}, {number(one.refunded_amount)} of {number(one.paid_amount)} paid"

    values = [one.refund_rate for one in report.refunds]
    about = f"Share of the paid amount refunded since, by day of the order, as a line. {_span(values, points)}"
    scale = Scale.over(values, least=FINEST_SHARE, steps=3)
    return _chart(report, "refunds", "Refund rate by day", about, values, scale, short_share, MIDDLE, tooltip, values)


def quality_charts(report: Report) -> tuple[Chart, ...]:
    """Draw the same days three times, each with a scale of its own: dead letters would not be seen beside accepted rows."""
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
    tooltip: Callable[[int], str],
    line: Sequence[Value] = (),
) -> Chart:
    places = plot(values, scale, inner)
    marks = tuple(
        _mark(slot, day, value, tooltip(number_))
        for number_, (slot, day, value) in enumerate(zip(places.slots, report.days, values, strict=True))
    )
    ticks = tuple((y, form(tick, scale)) for tick, y in places.lines)
    own = points(values[-1]) if isinstance(values[-1], Decimal) and form is short_share else number(values[-1])
    near = [places.y(one) for one in (*values[-BESIDE:], *line[-BESIDE:]) if one is not None]
    path = places.path(line) if line else ""
    return Chart(name, label, about, places, ticks, marks, path, own, min([*near, places.baseline]) - ABOVE)


def _mark(slot: Slot, day: Day, value: Value, tooltip: str) -> Mark:
    kinds = [
        "today" if slot.last else "holiday" if day.holiday else "weekend" if day.is_weekend else "weekday",
        "gap" if value is None else "zero" if not value else "",
    ]
    missing = STATES[day.state] if day.state not in (PUBLISHED, NO_ORDERS) else "no rows"
    holiday = f" ({day.holiday})" if day.holiday else ""
    return Mark(
        slot, day, " ".join(kinds).rstrip(), f"{day_name(day.date)}{holiday}: {missing if value is None else tooltip}"
    )


def _span(values: Sequence[Value], form: Callable[[Decimal], str]) -> str:
    """Say the lowest and highest value, the date's own, and how many days have none."""
    known = [Decimal(one) for one in values if one is not None]
    gaps = len(values) - len(known)
    if not known:
        return "None of the days has a value."
    last = "unknown" if values[-1] is None else form(Decimal(values[-1]))
    without = f" {gaps} of the days {'has' if gaps == 1 else 'have'} no value." if gaps else ""
    return f"Lowest {form(min(known))}, highest {form(max(known))}, on the report's date {last}.{without}"
