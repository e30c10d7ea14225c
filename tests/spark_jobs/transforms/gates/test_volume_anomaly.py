"""volume_anomaly: the same weekday in the weeks before, exactly."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from spark_jobs.transforms.gates.volume_anomaly import volume_anomaly

MONDAY = date(2026, 3, 2)


def weekly(*orders: int, day: date = MONDAY) -> dict[date, int]:
    """Orders on the same weekday: of the day itself first, then of a week before, two weeks before…"""
    return {day - timedelta(weeks=back): count for back, count in enumerate(orders)}


def judged(
    counts: dict[date, int], *, weeks: int = 8, min_weeks: int = 3, tolerance: float = 0.5, day: date = MONDAY
) -> Any:
    return volume_anomaly(counts, day, weeks, min_weeks, tolerance)


EDGES = [(49, False), (50, True), (100, True), (150, True), (151, False), (0, False)]


@pytest.mark.parametrize(("observed", "passed"), EDGES)
def test_the_allowed_share_of_the_usual_is_included(observed: int, passed: bool) -> None:
    found = judged(weekly(observed, 90, 100, 110))
    assert (found.judged, found.passed, found.usual, found.low, found.high) == (True, passed, 100, 50, 150)
    assert found.observed == observed


def test_the_usual_is_a_median_so_one_odd_week_moves_nothing() -> None:
    assert judged(weekly(100, 100, 100, 100, 1_000_000)).usual == 100
    assert judged(weekly(100, 1, 2, 3, 4)).usual == Fraction(5, 2)


def test_only_the_same_weekday_within_the_weeks_counts() -> None:
    counts = weekly(10, 10, 10, 10, 9_999, 9_999)
    counts |= {MONDAY - timedelta(days=back): 77 for back in range(1, 30) if back % 7}
    assert judged(counts, weeks=3).usual == 10
    assert judged({**counts, MONDAY + timedelta(weeks=1): 5_000}, weeks=3).usual == 10


def test_days_without_orders_are_left_out_of_the_baseline_wherever_that_stands() -> None:
    counts = weekly(10, 10, 0, 10, 0, 10)
    del counts[MONDAY - timedelta(weeks=4)]
    assert judged(counts).usual == 10


def test_too_few_weeks_with_orders_are_not_judged_and_pass() -> None:
    found = judged(weekly(1, 500, 0, 500))
    assert (found.judged, found.passed, found.usual, found.low, found.high) == (False, True, None, None, None)
    because = "2 of the 8 Mondays before had orders, and 3 must have"
    assert found.sentence == f"1 order on Monday 2026-03-02: not judged, as {because}"
    assert judged(weekly(1, 500, 500, 500)).judged
    assert not judged({}).judged
    assert not judged(weekly(5, 5), min_weeks=0, weeks=0).judged


def test_a_tolerance_is_the_decimal_that_it_is_written_as() -> None:
    assert 3 * 0.1 > 0.3
    assert (judged(weekly(9, 10, 10, 10), tolerance=0.1).low, judged(weekly(9, 10, 10, 10), tolerance=0.1).high) == (
        9,
        11,
    )
    # 1000 × (1 − 0.3) is 700 exactly, and a little less or more in binary
    assert judged(weekly(1, 1000, 1000, 1000), tolerance=0.3).low == 700
    assert judged(weekly(1, 10**18 + 1, 10**18 + 1, 10**18 + 1), tolerance=0).high == 10**18 + 1


def test_both_whole_numbers_beside_a_usual_between_them_are_allowed_even_without_tolerance() -> None:
    even = judged(weekly(11, 10, 11, 10, 11), tolerance=0)
    assert (even.usual, even.low, even.high, even.passed) == (Fraction(21, 2), 10, 11, True)
    assert not judged(weekly(12, 10, 11, 10, 11), tolerance=0).passed
    assert (judged(weekly(5, 5, 5, 5), tolerance=0.1).low, judged(weekly(5, 5, 5, 5), tolerance=0.1).high) == (5, 5)


def test_a_tolerance_of_one_allows_a_day_without_orders() -> None:
    assert judged(weekly(0, 10, 10, 10), tolerance=1).passed
    assert (judged(weekly(0, 10, 10, 10), tolerance=1).low, judged({}, tolerance=1).observed) == (0, 0)


def test_the_sentence_says_what_was_seen_what_is_allowed_and_why() -> None:
    assert judged(weekly(12, 90, 101, 100, 110)).sentence == (
        "12 orders on Monday 2026-03-02: outside of 51 to 150, as 100.5 are usual by 4 Mondays before"
    )
    sunday = date(2026, 3, 1)
    found = judged(weekly(9, 9, day=sunday), min_weeks=1, day=sunday)
    assert found.sentence == "9 orders on Sunday 2026-03-01: within 5 to 13, as 9 are usual by 1 Sunday before"
