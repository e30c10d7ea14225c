"""Whatever way changes are split and in whatever order they come: the same rows, versions and books as the oracle says.

Covers table_updates, change_batch, late_keys, reduced_changes, entity_rows and scd2.

Covers: spark_jobs.transforms.arrow_columns, spark_jobs.transforms.change_batch,
spark_jobs.transforms.reduced_changes, spark_jobs.transforms.scd2.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.change_sets import FIELDS, TRACKED, Mix, at, batchings, change_sets
from support.changes_oracle import Change, Oracle
from support.memory_lake import MemoryLake, rows_of, things, versions_of

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.transforms.change_batch import ChangeBatch
from spark_jobs.transforms.scd2 import surrogate_keys

ALL = tuple(FIELDS)
KINDS = {
    "whole rows": (False, TRACKED),
    "partial updates": (True, TRACKED),
    "whole rows without history": (False, ()),
    "partial updates without history": (True, ()),
}


def lake(*, partial: bool = False, tracked: tuple[str, ...] = TRACKED) -> MemoryLake:
    return MemoryLake(things(ALL, tracked, partial_updates=partial))


def change(op: str, seq: int, minute: int, change_id: str = "", **values: Any) -> Change:
    given_names = values.pop("given", None)
    whole = {} if op in ("d", "t") else {"name": "Ada", "city": None, "phone": None, **values}
    key = None if op == "t" else 1
    return Change(op, key, seq, change_id or f"{op}{seq}@{minute}", at(minute), whole, given_names)  # type: ignore[arg-type]


@pytest.mark.parametrize(("partial", "tracked"), KINDS.values(), ids=KINDS.keys())
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_batch_leaves_what_the_oracle_says_and_books_what_each_change_did(
    partial: bool, tracked: tuple[str, ...], data: st.DataObject
) -> None:
    batches = data.draw(change_sets(Mix(partial_updates=partial)).flatmap(batchings))
    held, oracle = lake(partial=partial, tracked=tracked), Oracle(fields=ALL, tracked=tracked)
    for batch in batches:
        said = oracle.apply(batch)
        said.pop("duplicate")
        assert held.apply(batch) == said
        assert held.rows() == rows_of(oracle)
        assert held.versions() == (versions_of(oracle) if tracked else {})


@settings(max_examples=100, deadline=None)
@given(data=st.data(), partial=st.booleans())
def test_any_order_and_any_batching_give_what_one_sorted_batch_gives(data: st.DataObject, partial: bool) -> None:
    changes = data.draw(change_sets(Mix(partial_updates=partial)))
    once, split = lake(partial=partial), lake(partial=partial)
    once.apply(sorted(changes, key=lambda each: each.order))
    for batch in data.draw(batchings(changes)):
        split.apply(batch)
    assert split.rows() == once.rows()
    assert split.versions() == once.versions()
    assert keys_of(split) == keys_of(once)


def keys_of(held: MemoryLake) -> list[int]:
    return sorted(held.history["thing_key"].to_pylist()) if held.history is not None else []


def test_late_delete_leaves_the_newer_row() -> None:
    held = lake()
    held.apply([change("c", 1, 10), change("u", 3, 30, name="Bob")])
    assert held.apply([change("d", 2, 20)])["superseded"] == 1
    assert held.rows()[1] == (False, 3, "u3@30", "Bob", None, None)
    assert [version[1:3] for version in held.versions()[1]] == [(at(10), at(20)), (at(30), None)]


def test_an_older_update_after_a_delete_does_not_resurrect_the_row() -> None:
    held = lake()
    held.apply([change("c", 1, 10), change("d", 3, 30)])
    assert held.apply([change("u", 2, 20, name="Bob")])["superseded"] == 1
    assert held.rows()[1] == (True, 3, "d3@30", None, None, None)
    assert [version[3] for version in held.versions()[1]] == [False, False]


def test_a_row_inserted_again_after_a_delete_is_there_with_a_gap_in_its_history() -> None:
    held = lake()
    held.apply([change("c", 1, 10), change("d", 2, 20)])
    assert held.apply([change("c", 3, 30, name="Bob")])["inserted"] == 1
    assert held.rows()[1] == (False, 3, "c3@30", "Bob", None, None)
    assert [version[:4] for version in held.versions()[1]] == [(1, at(10), at(20), False), (2, at(30), None, True)]


def test_an_update_before_its_insert_wins_over_it() -> None:
    held = lake()
    assert held.apply([change("u", 2, 20, name="Bob")])["inserted"] == 1
    assert held.apply([change("c", 1, 10)])["superseded"] == 1
    assert held.rows()[1][3] == "Bob"
    assert [version[4] for version in held.versions()[1]] == ["Ada", "Bob"]


def test_insert_update_and_delete_of_one_key_in_one_batch_leave_a_tombstone_and_its_history() -> None:
    held = lake()
    done = held.apply([change("d", 3, 30), change("c", 1, 10), change("u", 2, 20, name="Bob")])
    assert done == {"inserted": 1, "updated": 1, "deleted": 1, "superseded": 0, "unchanged": 0}
    assert held.rows()[1][0] is True
    assert [version[1:3] for version in held.versions()[1]] == [(at(10), at(20)), (at(20), at(30))]


def test_of_two_changes_with_one_sequence_the_greater_change_id_wins_whichever_comes_first() -> None:
    greater, lesser = change("u", 1, 10, "b", name="Bob"), change("u", 1, 10, "B")
    one, other = lake(), lake()
    for held, batches in ((one, ([greater], [lesser])), (other, ([lesser], [greater]))):
        for batch in batches:
            held.apply(batch)
        assert held.rows()[1] == (False, 1, "b", "Bob", None, None)
    assert one.versions() == other.versions()


def test_an_update_that_changes_nothing_makes_no_version_and_is_booked_as_unchanged() -> None:
    held = lake()
    held.apply([change("c", 1, 10)])
    assert held.apply([change("u", 2, 20)])["unchanged"] == 1
    assert held.versions()[1] == [(1, at(10), None, True, "Ada", None, None)]
    assert held.rows()[1][1] == 2


def test_a_change_of_what_is_not_tracked_makes_no_version_but_shows_in_the_one_there_is() -> None:
    held = lake()
    held.apply([change("c", 1, 10)])
    assert held.apply([change("u", 2, 20, phone="1")])["updated"] == 1
    assert held.versions()[1] == [(1, at(10), None, True, "Ada", None, "1")]


def test_a_late_change_splits_the_interval_it_falls_into() -> None:
    held = lake()
    held.apply([change("c", 1, 10), change("u", 3, 30, name="Bob")])
    held.apply([change("u", 2, 20, city="Oslo")])
    assert [version[:6] for version in held.versions()[1]] == [
        (1, at(10), at(20), False, "Ada", None),
        (2, at(20), at(30), False, "Ada", "Oslo"),
        (3, at(30), None, True, "Bob", None),
    ]


def test_a_late_delete_between_two_versions_ends_the_first_early() -> None:
    held = lake()
    held.apply([change("c", 1, 10), change("u", 3, 20, name="Bob")])
    held.apply([change("d", 2, 15)])
    assert [(version[1], version[2], version[4]) for version in held.versions()[1]] == [
        (at(10), at(15), "Ada"),
        (at(20), None, "Bob"),
    ]


def test_a_truncate_deletes_what_is_older_and_also_what_comes_later_but_is_older() -> None:
    held = lake()
    held.apply([change("c", 1, 10)])
    assert held.apply([change("t", 5, 50)])["deleted"] == 1
    assert held.apply([change("u", 3, 30, name="Bob")])["superseded"] == 1
    assert held.rows()[1][:2] == (True, 5)
    assert held.apply([change("c", 6, 60)])["inserted"] == 1
    assert [version[1:3] for version in held.versions()[1]] == [(at(10), at(30)), (at(30), at(50)), (at(60), None)]


def test_a_partial_update_that_came_before_an_older_one_keeps_what_it_names() -> None:
    held = lake(partial=True)
    held.apply([change("c", 1, 10), change("u", 3, 30, name="Bob", given=frozenset(["name"]))])
    held.apply([change("u", 2, 20, name="Eve", city="Rome", given=frozenset(["name", "city"]))])
    assert held.rows()[1] == (False, 3, "u3@30", "Bob", "Rome", None)
    assert [version[4:6] for version in held.versions()[1]] == [("Ada", None), ("Eve", "Rome"), ("Bob", "Rome")]


def test_a_surrogate_key_is_positive_and_a_function_of_key_and_beginning_alone() -> None:
    rows = pa.table({"a": pa.array([1, 1, 2], pa.int64()), "b": ["x", "x", None]})
    begun = pa.chunked_array([pa.array([at(1), at(2), at(1)], TIMESTAMP)])
    found = surrogate_keys(rows, ("a", "b"), begun).to_pylist()
    assert found == [8_353_799_670_861_472_478, 6_486_205_471_014_680_193, 3_919_482_778_935_087_370]


def test_a_truncate_is_told_by_its_op_whatever_keys_the_rows_name() -> None:
    contract = things(ALL, TRACKED)
    named = [("t", None), ("t", 7), ("u", 7), ("d", None), ("u", None)]
    whole = {"change_id": "x", "event_ts": at(0), "seq": 1, **dict.fromkeys(ALL)}
    rows = [whole | {"op": op, "thing_id": key, "schema_version": 1, "row_id": "r", "given": None} for op, key in named]
    types = {"seq": pa.int64(), "event_ts": TIMESTAMP, "thing_id": pa.int64(), "schema_version": pa.int32()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in rows[0] if name != "given"])
    log = pa.Table.from_pylist(rows, schema=schema.append(pa.field("given", pa.list_(pa.string()))))
    incoming = ChangeBatch.from_log(log, contract)
    assert incoming.truncates["thing_id"].to_pylist() == [None, None]
    assert incoming.changes["thing_id"].to_pylist() == [7, None, None]
    assert incoming.changes["_deleted"].to_pylist() == [False, True, False]
