"""The plan of the files: when small faulty ones come, and how the faults of rows are shared out."""

from __future__ import annotations

import pytest

from generator.events.plan import fault_numbers, place_of


def test_small_files_come_five_times_among_the_first_twenty_and_rarely_later() -> None:
    places = [place_of(number) for number in range(25 + 5 * 21)]
    assert [place.regular for place in places if place.small is None] == [*range(120)]
    assert [number for number, place in enumerate(places) if place.small is not None] == [
        3, 8, 13, 18, 23, 45, 66, 87, 108, 129,
    ]  # fmt: skip


@pytest.mark.parametrize(("rows", "rate"), [(100, 0.02), (97, 0.013), (1, 0.3), (1000, 0)])
def test_shares_add_up_without_gaps(rows: int, rate: float) -> None:
    marks = [mark for turn in range(200) for mark in fault_numbers(turn, rows, rate)]
    assert marks == [*range(int(200 * rows * rate + 1e-9))]
