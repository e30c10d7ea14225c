from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.microbatch.executors import run_groups, spread_evenly

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_work_done_here_needs_no_spark_and_answers_in_order() -> None:
    nobody = cast("SparkSession", None)
    assert run_groups(nobody, [[1, 2], [], [3]], lambda group: {"sum": sum(group)}, here=True) == [
        {"sum": 3},
        {"sum": 0},
        {"sum": 3},
    ]


@pytest.mark.parametrize(
    ("sizes", "groups", "spread"),
    [
        ([], 2, []),
        ([5], 2, [[5]]),
        ([1, 9, 2, 8], 2, [[1, 9], [2, 8]]),
        ([3, 2, 1], 1, [[3, 2, 1]]),
        ([0, 0, 0, 0], 2, [[0, 0], [0, 0]]),
    ],
)
def test_items_are_spread_by_size_in_their_order(sizes: list[int], groups: int, spread: list[list[int]]) -> None:
    assert sorted(spread_evenly(sizes, lambda size: size, groups)) == sorted(spread)


@given(st.lists(st.integers(0, 1000)), st.integers(1, 8))
def test_every_item_is_in_one_group_in_order_and_no_group_is_empty_or_much_heavier(sizes: list[int], most: int) -> None:
    items = list(enumerate(sizes))
    groups = spread_evenly(items, lambda item: item[1], most)
    assert sorted(item for group in groups for item in group) == items
    assert len(groups) == min(most, len(items))
    assert all(group == sorted(group) and group for group in groups)
    totals = [sum(size + 1 for _, size in group) for group in groups]
    assert not totals or max(totals) - min(totals) <= max(sizes) + 1
