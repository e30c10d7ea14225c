"""The geometry of a chart: round ticks, columns that touch the baseline, gaps that are no zeros."""

from __future__ import annotations

from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.batch.report.charts import HEAD, STUB, Scale, plot, short, short_share

MONEY = st.decimals(0, Decimal(10) ** 15, places=2)
VALUES = st.lists(st.none() | MONEY, min_size=1, max_size=40)
THOUSANDTH = Decimal("0.001")


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        ("48210.35", ["0", "20k", "40k", "60k"]),
        ("1234567", ["0", "0.5M", "1.0M", "1.5M"]),
        ("999", ["0", "500", "1,000"]),
        ("9000", ["0", "5k", "10k"]),
        ("3", ["0", "1", "2", "3"]),
        ("0", ["0", "1"]),
    ],
)
def test_ticks_are_round_and_short(high: str, ticks: list[str]) -> None:
    scale = Scale.over([Decimal(high)])
    assert [short(tick, scale) for tick in scale.ticks] == ticks


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        ("0.031", ["0%", "1%", "2%", "3%", "4%"]),
        ("0.0004", ["0.0%", "0.1%"]),
        ("1", ["0%", "50%", "100%"]),
        ("0", ["0.0%", "0.1%"]),
    ],
)
def test_shares_have_ticks_in_percent(high: str, ticks: list[str]) -> None:
    scale = Scale.over([Decimal(high)], least=THOUSANDTH)
    assert [short_share(tick, scale) for tick in scale.ticks] == ticks


@given(values=VALUES, steps=st.integers(1, 6))
def test_a_scale_holds_every_value_in_no_more_steps_than_asked_for(values: list[Decimal | None], steps: int) -> None:
    scale = Scale.over(values, steps=steps)
    assert 2 <= len(scale.ticks) <= steps + 1
    assert {after - before for before, after in zip(scale.ticks, scale.ticks[1:], strict=False)} == {scale.step}
    assert str(scale.step.normalize().as_tuple().digits[0]) in "125"
    assert all(one <= scale.ticks[-1] for one in values if one is not None)


@given(values=VALUES)
def test_columns_stand_on_the_baseline_within_the_picture_side_by_side(values: list[Decimal | None]) -> None:
    found = plot(values, Scale.over(values), 200)
    for slot, value in zip(found.slots, values, strict=True):
        assert (slot.top is None) == (value is None)
        assert 0 <= slot.left <= slot.column_left < slot.column_left + slot.column_width <= 100.01
        if slot.top is not None and slot.height is not None:
            assert HEAD <= slot.top < found.baseline
            assert slot.top + slot.height == pytest.approx(found.baseline, abs=0.01)
    assert found.slots[-1].last


def test_a_zero_is_drawn_and_a_gap_is_not() -> None:
    zero, gap = plot([0, None], Scale.over([0, None]), 100).slots
    assert (zero.height, gap.height) == (STUB, None)


def test_twice_the_value_is_twice_as_high() -> None:
    low, high = plot([Decimal(20), Decimal(40)], Scale.over([Decimal(40)]), 200).slots
    assert low.height is not None
    assert high.height == 2 * low.height


def test_labels_are_a_week_apart_counted_from_the_last() -> None:
    slots = plot([1] * 28, Scale.over([1]), 100).slots
    assert [number for number, slot in enumerate(slots) if slot.labelled] == [6, 13, 20, 27]


def test_a_line_breaks_at_a_gap_and_a_lone_value_is_a_point() -> None:
    found = plot([1, 1, None, 1], Scale.over([1]), 100)
    assert found.path([1, 1, None, 1]) == f"M12.5 {HEAD}h0L37.5 {HEAD}M87.5 {HEAD}h0"
    assert found.path([None] * 4) == ""
    ElementTree.fromstring(f'<path d="{found.path([1, 1, None, 1])}"/>')
