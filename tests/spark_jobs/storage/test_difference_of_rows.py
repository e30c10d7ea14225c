"""The difference of two tables of rows is that of multisets."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables_with_a_key import counted

from spark_jobs.storage.difference import difference

KINDS = pa.schema(
    [
        ("price", pa.decimal128(18, 2)),
        ("at", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("flag", pa.bool_()),
        ("name", pa.string()),
        ("n", pa.int32()),
    ]
)


rows_of_kinds = st.tuples(
    st.none() | st.decimals(-10, 10, places=2),
    st.none() | st.integers(-2, 2).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)),
    st.none() | st.integers(-2, 2).map(lambda n: date(2026, 1, 1) + timedelta(days=n)),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["", "a", "ä", "a b"]),
    st.none() | st.integers(-1, 1),
)


@settings(max_examples=100, deadline=None)
@given(common=st.lists(rows_of_kinds, max_size=6), ours=st.lists(rows_of_kinds, max_size=4), data=st.data())
def test_difference_is_that_of_multisets(common: list[Any], ours: list[Any], data: st.DataObject) -> None:
    before = data.draw(st.permutations([*common, *ours]))
    after = data.draw(st.lists(st.sampled_from(before), max_size=3)) if before else []
    after = data.draw(st.permutations([*common, *after]))
    left, right = (
        pa.Table.from_pylist([dict(zip(KINDS.names, row, strict=True)) for row in side], schema=KINDS)
        for side in (before, after)
    )
    found = difference(left, right)
    assert found.before.schema == found.after.schema == KINDS
    assert counted(found.before) == counted(left) - counted(right)
    assert counted(found.after) == counted(right) - counted(left)


def test_the_same_row_twice_is_not_the_same_row_once() -> None:
    once, thrice = pa.table({"n": [1, 2]}), pa.table({"n": [1, 1, 2, 1]})
    assert difference(once, thrice).after["n"].to_pylist() == [1, 1]
    assert difference(thrice, once).before["n"].to_pylist() == [1, 1]
    assert difference(thrice, once).after.num_rows == 0
