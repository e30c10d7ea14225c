"""The oracle of changes is held to cases small enough to be worked out in the head."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.change_sets import FIELDS, TRACKED, Mix, at, batchings, change_sets
from support.changes_oracle import VERDICTS, Change, Oracle, Row, Version

ONE_ORDER = Mix(identical_repeats=False)
COMPOSITE = Mix(make_key=lambda number: (number, "x"))


def change(
    op: Any, seq: int, change_id: str = "", *, key: int = 1, minute: float | None = None, **fields: Any
) -> Change:
    """A change of a whole row; its time is that many minutes after noon as its sequence says, unless told otherwise."""
    content = {} if op in ("d", "t") else dict.fromkeys(FIELDS) | fields
    event_ts = at(seq if minute is None else minute)
    return Change(op, None if op == "t" else key, seq, change_id or f"{op}{seq}-{key}", event_ts, content)


def part(seq: int, *, key: int = 1, minute: float | None = None, **fields: Any) -> Change:
    """A partial update that gives just these fields."""
    event_ts = at(seq if minute is None else minute)
    return Change("u", key, seq, f"p{seq}-{key}", event_ts, fields, frozenset(fields))


def live(seq: int, change_id: str, **fields: Any) -> Row:
    return Row(False, seq, change_id, dict.fromkeys(FIELDS) | fields)


def tombstone(seq: int, change_id: str) -> Row:
    return Row(True, seq, change_id, dict.fromkeys(FIELDS))


def after(*batches: list[Change]) -> Oracle:
    oracle = Oracle(fields=list(FIELDS), tracked=TRACKED)
    for batch in batches:
        oracle.apply(batch)
    return oracle


def last_books(*batches: list[Change]) -> dict[str, int]:
    """The books of the last batch, without the zeros."""
    books = after(*batches[:-1]).apply(batches[-1])
    return {name: count for name, count in books.items() if count}


def names(oracle: Oracle, key: int = 1) -> list[tuple[str, Any, Any]]:
    """The key's versions as (name, valid_from, valid_to)."""
    return [(each.fields["name"], each.valid_from, each.valid_to) for each in oracle.versions().get(key, [])]


def holds(version: Version, minute: float) -> bool:
    return version.valid_from <= at(minute) and (version.valid_to is None or at(minute) < version.valid_to)


def tracked(fields: dict[str, Any]) -> list[Any]:
    return [fields[name] for name in TRACKED]


def test_a_late_delete_leaves_the_newer_row() -> None:
    batches = [change("c", 10, name="a"), change("u", 20, name="b")], [change("d", 15)]
    assert after(*batches).current() == {1: live(20, "u20-1", name="b")}
    assert last_books(*batches) == {"superseded": 1}


def test_an_older_update_after_a_delete_does_not_resurrect() -> None:
    batches = [change("c", 10, name="a"), change("d", 20)], [change("u", 15, name="b")]
    assert after(*batches).current() == {1: tombstone(20, "d20-1")}
    assert last_books(*batches) == {"superseded": 1}


def test_a_newer_insert_after_a_delete_makes_a_live_row_again() -> None:
    batches = [change("c", 10, name="a")], [change("d", 20)], [change("c", 30, name="b")]
    assert after(*batches).current() == {1: live(30, "c30-1", name="b")}
    assert last_books(*batches[:2]) == {"deleted": 1}
    assert last_books(*batches) == {"inserted": 1}
    assert names(after(*batches)) == [("a", at(10), at(20)), ("b", at(30), None)]


def test_an_update_before_its_insert_stays() -> None:
    batches = [change("u", 20, name="b")], [change("c", 10, name="a")]
    assert after(*batches).current() == {1: live(20, "u20-1", name="b")}
    assert last_books(*batches[:1]) == {"inserted": 1}
    assert last_books(*batches) == {"superseded": 1}
    assert names(after(*batches)) == [("a", at(10), at(20)), ("b", at(20), None)]


def test_insert_update_and_delete_of_one_key_in_one_batch_are_told_in_order_of_sequence() -> None:
    batch = [change("d", 30), change("c", 10, name="a"), change("u", 20, name="b")]
    assert after(batch).current() == {1: tombstone(30, "d30-1")}
    assert last_books(batch) == {"inserted": 1, "updated": 1, "deleted": 1}
    assert names(after(batch)) == [("a", at(10), at(20)), ("b", at(20), at(30))]


def test_a_delete_of_an_unknown_key_leaves_a_tombstone_and_changes_nothing() -> None:
    assert after([change("d", 10)]).current() == {1: tombstone(10, "d10-1")}
    assert after([change("d", 10)]).versions() == {}
    assert last_books([change("d", 10)]) == {"unchanged": 1}
    assert last_books([change("d", 10)], [change("d", 20)]) == {"unchanged": 1}


@pytest.mark.parametrize(
    ("lesser", "greater"), [("10", "9"), ("B", "a"), ("a", "aa"), ("z", "é"), ("\uff5e", "\U0001f600")]
)
def test_the_same_sequence_twice_is_decided_by_change_id_as_text(lesser: str, greater: str) -> None:
    loses, wins = change("u", 10, lesser, name="a"), change("u", 10, greater, name="b")
    for arrival in ([loses, wins], [wins, loses]):
        assert after(arrival).current() == {1: live(10, greater, name="b")}
        assert last_books(arrival) == {"inserted": 1, "updated": 1}
        assert names(after(arrival)) == [("b", at(10), None)]
    assert last_books([wins], [loses]) == {"superseded": 1}


def test_a_sequence_is_a_number() -> None:
    assert after([change("u", 10, name="ten")], [change("u", 9, name="nine")]).current()[1].fields["name"] == "ten"


def test_the_same_change_id_again_is_a_duplicate_whatever_its_content() -> None:
    first, other = change("c", 10, "x", name="a"), change("u", 99, "x", key=2, name="b")
    assert last_books([first], [first, other]) == {"duplicate": 2}
    assert last_books([first, other]) == {"inserted": 1, "duplicate": 1}
    assert after([first, other]).current() == {1: live(10, "x", name="a")}
    assert after([other, first]).current() == {2: live(99, "x", name="b")}


def test_an_update_that_changes_nothing_makes_no_version() -> None:
    batches = [change("c", 10, name="a")], [change("u", 20, name="a")]
    assert after(*batches).current() == {1: live(20, "u20-1", name="a")}
    assert names(after(*batches)) == [("a", at(10), None)]
    assert last_books(*batches) == {"unchanged": 1}


def test_a_change_of_what_is_untracked_makes_no_version_and_is_seen_in_it() -> None:
    batches = [change("c", 10, name="a", phone="1")], [change("u", 20, name="a", phone="2")]
    row = {"name": "a", "city": None, "phone": "2"}
    assert after(*batches).versions() == {1: [Version(1, at(10), None, row)]}
    assert last_books(*batches) == {"updated": 1}


def test_null_is_a_value_like_any_other() -> None:
    rows = [change("c", 10, name="a"), change("u", 20, name="a", city="Oslo"), change("u", 30, name="a")]
    versions = after(rows).versions()[1]
    assert [each.fields["city"] for each in versions] == [None, "Oslo", None]
    assert [each.version for each in versions] == [1, 2, 3]
    assert [each.is_current for each in versions] == [False, False, True]


def test_a_late_change_splits_the_interval_it_falls_into() -> None:
    oracle = after([change("c", 10, name="a"), change("u", 30, name="c")])
    assert names(oracle) == [("a", at(10), at(30)), ("c", at(30), None)]
    oracle.apply([change("u", 20, name="b")])
    assert names(oracle) == [("a", at(10), at(20)), ("b", at(20), at(30)), ("c", at(30), None)]


def test_a_late_change_that_changes_nothing_splits_nothing() -> None:
    oracle = after([change("c", 10, name="a"), change("u", 30, name="c")], [change("u", 20, name="a")])
    assert names(oracle) == [("a", at(10), at(30)), ("c", at(30), None)]


def test_a_late_delete_leaves_a_gap() -> None:
    oracle = after([change("c", 10, name="a"), change("u", 20, name="b")], [change("d", 15)])
    assert names(oracle) == [("a", at(10), at(15)), ("b", at(20), None)]


def test_equal_rows_on_both_sides_of_a_gap_are_two_versions() -> None:
    oracle = after([change("c", 10, name="a"), change("d", 15), change("c", 20, name="a")])
    assert names(oracle) == [("a", at(10), at(15)), ("a", at(20), None)]


def test_a_delete_and_an_equal_insert_at_one_time_leave_no_gap() -> None:
    oracle = after([change("c", 10, name="a"), change("d", 15, minute=20), change("c", 20, name="a")])
    assert names(oracle) == [("a", at(10), None)]


def test_a_greater_sequence_with_an_earlier_time_holds_from_that_time_on() -> None:
    oracle = after(
        [change("c", 10, name="a"), change("u", 20, name="b", minute=30), change("u", 30, name="c", minute=20)]
    )
    assert names(oracle) == [("a", at(10), at(20)), ("c", at(20), None)]
    assert oracle.as_of(1, at(9)) is None
    assert oracle.as_of(1, at(20)) == {"name": "c", "city": None, "phone": None}
    assert oracle.current() == {1: live(30, "u30-1", name="c")}


def test_several_changes_at_one_time_make_no_empty_version() -> None:
    oracle = after([change("c", 10, name="a", minute=5), change("u", 20, name="b", minute=5)])
    assert names(oracle) == [("b", at(5), None)]


def test_a_truncate_deletes_what_is_lower_and_not_what_is_higher() -> None:
    batches = [change("c", 10, name="a"), change("c", 30, key=2, name="b")], [change("t", 20, "t")]
    oracle = after(*batches)
    assert oracle.current() == {1: tombstone(20, "t"), 2: live(30, "c30-2", name="b")}
    assert names(oracle, 1) == [("a", at(10), at(20))]
    assert names(oracle, 2) == [("b", at(30), None)]
    assert last_books(*batches) == {"deleted": 1}


def test_a_truncate_is_greater_than_a_change_of_its_sequence_only_by_change_id() -> None:
    batch = [change("c", 20, "a", name="a"), change("c", 20, "z", key=2, name="z"), change("t", 20, "m")]
    assert after(batch).current() == {1: tombstone(20, "m"), 2: live(20, "z", name="z")}
    assert last_books(batch) == {"inserted": 2, "deleted": 1}


def test_a_truncate_concerns_a_key_that_arrives_later_but_makes_none() -> None:
    assert after([change("t", 20, "t")]).current() == {}
    batches = [change("t", 20, "t")], [change("c", 10, name="a"), change("c", 30, key=2, name="b")]
    assert after(*batches).current() == {1: tombstone(20, "t"), 2: live(30, "c30-2", name="b")}
    assert names(after(*batches)) == [("a", at(10), at(20))]
    assert last_books(*batches) == {"superseded": 1, "inserted": 1}


def test_a_late_truncate_leaves_a_gap_and_the_newer_row() -> None:
    batches = [change("c", 10, name="a"), change("u", 30, name="a")], [change("t", 20, "t")]
    assert after(*batches).current() == {1: live(30, "u30-1", name="a")}
    assert names(after(*batches)) == [("a", at(10), at(20)), ("a", at(30), None)]
    assert last_books(*batches) == {"unchanged": 1}


def test_a_truncate_counts_once_by_what_it_removed() -> None:
    rows = [change("c", 10, name="a"), change("c", 11, key=2, name="b"), change("c", 12, key=3, name="c")]
    assert last_books([*rows, change("t", 20, "t")]) == {"inserted": 3, "deleted": 1}
    assert last_books(rows, [change("t", 20, "t")], [change("t", 30, "later")]) == {"unchanged": 1}
    assert last_books(rows, [change("t", 20, "t")], [change("t", 15, "earlier")]) == {"superseded": 1}
    assert last_books([change("t", 20, "t")]) == {"unchanged": 1}


def test_a_late_truncate_does_not_remove_what_was_superseded_before_it() -> None:
    batches = [change("d", 30)], [change("c", 10, name="a"), change("t", 20, "t")]
    assert last_books(*batches) == {"superseded": 1, "unchanged": 1}


def test_a_partial_update_replaces_what_it_gives() -> None:
    batches = [change("c", 10, name="a", city="Oslo")], [part(20, city=None, phone="1")]
    assert after(*batches).current() == {1: live(20, "p20-1", name="a", phone="1")}
    assert last_books(*batches) == {"updated": 1}
    assert last_books(*batches, [part(30, phone="1")]) == {"unchanged": 1}


def test_a_partial_update_that_arrives_before_its_older_one_takes_what_that_gives() -> None:
    batches = [part(20, name="b")], [part(10, name="a", city="Oslo")]
    assert after(batches[0]).current() == {1: live(20, "p20-1", name="b")}
    assert after(*batches).current() == {1: live(20, "p20-1", name="b", city="Oslo")}
    assert names(after(*batches)) == [("a", at(10), at(20)), ("b", at(20), None)]
    assert last_books(*batches) == {"superseded": 1}


def test_the_row_before_a_change_has_what_came_late_below_a_partial_update() -> None:
    batches = (
        [change("c", 10, name="a"), part(20, name="b")],
        [change("u", 15, name="c", city="Oslo"), part(30, city="Oslo")],
    )
    assert after(*batches).current() == {1: live(30, "p30-1", name="b", city="Oslo")}
    assert last_books(*batches) == {"superseded": 1, "unchanged": 1}


def test_a_partial_update_after_a_delete_makes_a_live_row_of_what_it_gives() -> None:
    batches = [change("c", 10, name="a", city="Oslo"), change("d", 20)], [part(30, name="b")]
    assert after(*batches).current() == {1: live(30, "p30-1", name="b")}
    assert last_books(*batches) == {"inserted": 1}


def test_a_partial_update_builds_on_the_row_before_it_in_order_whatever_their_times() -> None:
    oracle = after([change("c", 10, name="a", city="Oslo", minute=30), part(20, name="b", minute=20)])
    assert oracle.as_of(1, at(20)) == {"name": "b", "city": "Oslo", "phone": None}
    assert names(oracle) == [("b", at(20), None)]


@settings(max_examples=300, deadline=None)
@given(change_sets().flatmap(lambda changes: st.tuples(st.just(changes), batchings(changes))))
def test_any_order_of_arrival_in_any_batches_gives_the_same_tables(
    drawn: tuple[list[Change], list[list[Change]]],
) -> None:
    changes, batches = drawn
    assert after(*batches).current() == after(changes).current()
    assert after(*batches).versions() == after(changes).versions()


@settings(max_examples=200, deadline=None)
@given(change_sets(ONE_ORDER).flatmap(lambda changes: st.tuples(st.just(changes), batchings(changes, shuffle=False))))
def test_any_batching_of_one_order_gives_the_same_tables_even_if_repeats_differ(
    drawn: tuple[list[Change], list[list[Change]]],
) -> None:
    changes, batches = drawn
    assert after(*batches).current() == after(changes).current()
    assert after(*batches).versions() == after(changes).versions()


@settings(max_examples=200, deadline=None)
@given(change_sets(COMPOSITE))
def test_everything_once_more_is_nothing_but_duplicates(changes: list[Change]) -> None:
    oracle = after(changes)
    tables = oracle.current(), oracle.versions()
    assert oracle.apply(changes) == dict.fromkeys(VERDICTS, 0) | {"duplicate": len(changes)}
    assert (oracle.current(), oracle.versions()) == tables


@settings(max_examples=300, deadline=None)
@given(change_sets(ONE_ORDER).flatmap(batchings))
def test_every_change_of_a_batch_is_in_its_books_once(batches: list[list[Change]]) -> None:
    oracle = after()
    for batch in batches:
        known = len(oracle.accepted)
        books = oracle.apply(batch)
        assert sum(books.values()) == len(batch)
        assert sum(books.values()) - books["duplicate"] == len(oracle.accepted) - known


@settings(max_examples=300, deadline=None)
@given(change_sets(Mix(truncates=False)).flatmap(batchings))
def test_what_was_inserted_and_not_deleted_is_live(batches: list[list[Change]]) -> None:
    oracle = after()
    books = [oracle.apply(batch) for batch in batches]
    alive = [row for row in oracle.current().values() if not row.deleted]
    assert sum(each["inserted"] - each["deleted"] for each in books) == len(alive)


@settings(max_examples=300, deadline=None)
@given(change_sets())
def test_the_open_version_is_the_current_row_and_a_deleted_key_has_none(changes: list[Change]) -> None:
    oracle = after(changes)
    for key, row in oracle.current().items():
        current = [each.fields for each in oracle.versions().get(key, []) if each.is_current]
        assert current == ([] if row.deleted else [row.fields])


@settings(max_examples=300, deadline=None)
@given(change_sets())
def test_at_every_minute_the_version_that_holds_says_the_state(changes: list[Change]) -> None:
    oracle = after(changes)
    for key in oracle.current():
        versions = oracle.versions().get(key, [])
        for minute in range(-5, 14):
            holding = [each for each in versions if holds(each, minute)]
            assert [tracked(each.fields) for each in holding] == [
                tracked(s) for s in [oracle.as_of(key, at(minute))] if s
            ]


@settings(max_examples=300, deadline=None)
@given(change_sets())
def test_a_version_has_what_is_untracked_as_it_was_at_its_end(changes: list[Change]) -> None:
    oracle = after(changes)
    for key, versions in oracle.versions().items():
        for each in versions:
            end = at(99) if each.valid_to is None else each.valid_to
            assert each.fields == oracle.as_of(key, end - timedelta(microseconds=1))


@settings(max_examples=300, deadline=None)
@given(change_sets())
def test_versions_are_numbered_never_empty_and_unlike_their_neighbours(changes: list[Change]) -> None:
    for versions in after(changes).versions().values():
        assert [each.version for each in versions] == list(range(1, len(versions) + 1))
        assert all(each.is_current or each.valid_from < each.valid_to for each in versions)  # type: ignore[operator]
        for one, following in pairwise(versions):
            assert one.valid_to <= following.valid_from  # type: ignore[operator]
            assert one.valid_to < following.valid_from or tracked(one.fields) != tracked(following.fields)  # type: ignore[operator]
