"""The simulated clock: its pace, its daily rhythm, and that it never goes back."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generator.clock import Clock, to_ms, to_text


def test_the_clock_has_two_events_a_second_on_average_and_a_daily_rhythm() -> None:
    clock = Clock(to_ms(datetime(2026, 1, 1, tzinfo=UTC)))
    moments = clock.at(np.arange(0.0, 10 * 2 * 86_400, 10))
    hours = Counter(((moments // 3_600_000) % 24).tolist())
    assert to_text(clock.moment(10 * 2 * 86_400)) == "2026-01-11T00:00:00.000Z"
    assert hours[20] > 4 * hours[3]


@given(st.integers(0, 10**9), st.integers(0, 86_399_999), st.floats(0.1, 100))
def test_the_clock_begins_at_its_origin_and_never_goes_back(ordinal: int, into_day: int, rate: float) -> None:
    clock = Clock(to_ms(datetime(2026, 3, 1, tzinfo=UTC)) + into_day, rate)
    moments = clock.at(np.asarray([0.0, ordinal, ordinal + 0.5, ordinal + 1]))
    assert abs(int(moments[0]) - clock.origin_ms) <= 1
    assert (np.diff(moments) >= 0).all()
