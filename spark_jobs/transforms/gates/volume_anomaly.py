"""The gate ``volume_anomaly``: a date has about as many orders as that day of the week usually has. Exact, without Spark.

The baseline is seasonal by weekday: the median of the orders on the same weekday in the weeks before. A median, so that one
odd week moves nothing; days without orders are left out: a shop that was closed, or not there yet, says nothing of its usual day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from math import ceil, floor
from statistics import median
from typing import TYPE_CHECKING

from spark_jobs.transforms.calendar import WEEKDAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date


@dataclass(frozen=True, slots=True)
class Volume:
    """The orders of a date and the usual number: ``low`` to ``high`` are allowed, both included; None without a baseline."""

    usual: Fraction | None
    observed: int
    low: int | None
    high: int | None
    judged: bool
    passed: bool
    sentence: str


def volume_anomaly(counts: Mapping[date, int], day: date, weeks: int, min_weeks: int, tolerance: float) -> Volume:
    """Judge if the orders of ``day`` differ from the usual by at most ``tolerance``, a share of the usual.

    ``counts``: orders by date; a date that is not there has none. With orders on fewer than ``min_weeks`` of the ``weeks`` days
    of the baseline nothing is judged, and the gate passes. The tolerance is the decimal that it is written as, so 0.1 is one
    tenth. Where the usual lies between two whole numbers, both are allowed, however small the tolerance.
    """
    before = [counts.get(day - timedelta(weeks=back), 0) for back in range(1, weeks + 1)]
    baseline, observed = [count for count in before if count > 0], counts.get(day, 0)
    if len(baseline) < max(min_weeks, 1):
        return Volume(None, observed, None, None, False, True, _not_judged(day, observed, baseline, weeks, min_weeks))
    usual, share = median([Fraction(count) for count in baseline]), Fraction(str(tolerance))
    low = min(ceil(usual * (1 - share)), floor(usual))
    high = max(floor(usual * (1 + share)), ceil(usual))
    passed = low <= observed <= high
    sentence = _judged(day, observed, f"{low} to {high}", passed=passed, usual=usual, days=len(baseline))
    return Volume(usual, observed, low, high, True, passed, sentence)


def _not_judged(day: date, observed: int, baseline: Sequence[int], weeks: int, min_weeks: int) -> str:
    name = WEEKDAYS[day.weekday()]
    had = f"{len(baseline)} of the {weeks} {name}s before had orders, and {min_weeks} must have"
    return f"{_orders(observed)} on {name} {day}: not judged, as {had}"


def _judged(day: date, observed: int, allowed: str, *, passed: bool, usual: Fraction, days: int) -> str:
    name = WEEKDAYS[day.weekday()]
    verdict = "within" if passed else "outside of"
    plural = f"{days} {name}" if days == 1 else f"{days} {name}s"
    # a median of whole numbers is one, or lies half-way between two
    median_of = f"{floor(usual)}" if usual.denominator == 1 else f"{floor(usual)}.5"
    return f"{_orders(observed)} on {name} {day}: {verdict} {allowed}, as {median_of} are usual by {plural} before"


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"
