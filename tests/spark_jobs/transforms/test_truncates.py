"""Truncates meet each key as few deletes, and come to what all of them would.

Covers: spark_jobs.transforms.entity_rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.change_sets import FIELDS, TRACKED, Mix, batchings, change_sets
from support.changes_oracle import Oracle
from support.memory_lake import KEY, MemoryLake, rows_of, things, versions_of

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.transforms.entity_rows import entity_row_schema
from spark_jobs.transforms.truncates import truncates_as_deletes

ALL = tuple(FIELDS)
CONTRACT = things(ALL, TRACKED)


@pytest.mark.parametrize("partial", [False, True], ids=["whole rows", "partial updates"])
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_many_truncates_in_any_order_leave_what_the_oracle_says(partial: bool, data: st.DataObject) -> None:
    mix = Mix(partial_updates=partial, one_in_truncates=2)
    held = MemoryLake(things(ALL, TRACKED, partial_updates=partial))
    oracle = Oracle(fields=ALL, tracked=TRACKED)
    for batch in data.draw(change_sets(mix, max_size=24).flatmap(batchings)):
        said = oracle.apply(batch)
        said.pop("duplicate")
        assert held.apply(batch) == said
        assert held.rows() == rows_of(oracle)
        assert held.versions() == versions_of(oracle)


def changes(keys: list[int | None], sequences: list[int], minutes: list[int]) -> pa.Table:
    nothing = entity_row_schema(CONTRACT).empty_table()
    made = {
        KEY: pa.array(keys, pa.int64()),
        "_sequence": pa.array(sequences, pa.int64()),
        "_change_id": pa.array([f"{number:05}" for number in sequences]),
        "_event_time": pa.array(minutes, pa.int64()).cast(TIMESTAMP),
    }
    columns = [made.get(field.name, pa.nulls(len(keys), field.type)) for field in nothing.schema]
    return pa.table(columns, schema=nothing.schema)


def test_between_two_changes_of_a_key_the_first_the_earliest_and_the_last_truncate_are_all_it_meets() -> None:
    truncates = changes([None] * 6, [10, 11, 12, 13, 14, 15], [50, 10, 60, 40, 30, 70])
    rows = changes([1, 2], [13, 99], [0, 0])
    found = truncates_as_deletes(truncates, pa.table({KEY: [1, 2, 3]}), rows, CONTRACT)
    met = sorted(zip(found[KEY].to_pylist(), found["_sequence"].to_pylist(), strict=True))
    # Sequence 13 of the change and of a truncate is a tie, which their ids break: they are equal, the truncate comes first.
    of_one = [(1, 10), (1, 11), (1, 13), (1, 14), (1, 15)]
    assert met == [*of_one, (2, 10), (2, 11), (2, 15), (3, 10), (3, 11), (3, 15)]


def test_a_thousand_truncates_of_a_thousand_keys_are_no_million_rows() -> None:
    chance = np.random.default_rng(7)
    order = chance.permutation(4_000)
    truncates = changes([None] * 1_000, order[:1_000].tolist(), chance.permutation(1_000).tolist())
    rows = changes(chance.integers(0, 1_000, 3_000).tolist(), order[1_000:].tolist(), [0] * 3_000)
    found = truncates_as_deletes(truncates, pa.table({KEY: np.arange(1_000)}), rows, CONTRACT)
    assert found.num_rows <= 3 * (3_000 + 1_000)
