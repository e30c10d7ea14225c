"""The truth: in whatever order changes arrive, the greatest (seq, change id) decides, and history follows the clock."""

from __future__ import annotations

import json
from itertools import permutations
from typing import TYPE_CHECKING, Any

from generator.changes.contracts import fields_of
from generator.changes.truth import AcceptedChange, Truth, truth_of

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS = 86_400_000


def customer(
    seq: int, *, op: str = "u", day: int | None = None, change_id: str | None = None, given: Any = None, **values: Any
) -> AcceptedChange:
    cells = tuple(values.get(name, "") for name in fields_of("customers"))
    return AcceptedChange(seq, change_id or f"c{seq}", op, (seq if day is None else day) * DAY_MS, cells, given)


def order(seq: int, *, op: str = "u", given: Any = None, **values: Any) -> AcceptedChange:
    cells = tuple(values.get(name, "") for name in fields_of("orders"))
    return AcceptedChange(seq, f"o{seq}", op, seq * DAY_MS, cells, given)


def history(*facts: Any) -> list[tuple[Any, ...]]:
    found = truth_of("customers", "1", facts)["versions"]
    return [(v["city"], v["valid_from"][:10], v["valid_to"] and v["valid_to"][:10]) for v in found]


def test_any_order_of_arrival_gives_the_same_truth() -> None:
    facts = [
        customer(1, op="c", city="Berlin"),
        customer(2, city="Lyon"),
        customer(3, op="d"),
        customer(4, op="c", city="Roma"),
        customer(4, change_id="a4", city="Oslo", day=2),
    ]
    assert len({json.dumps(truth_of("customers", "1", found)) for found in permutations(facts)}) == 1
    assert truth_of("customers", "1", facts)["state"]["city"] == "Roma"


def test_the_greater_change_id_wins_among_equal_sequences() -> None:
    assert truth_of("customers", "1", [customer(1, change_id="9"), customer(1, change_id="10")])["change_id"] == "9"


def test_a_delete_leaves_a_tombstone_and_closes_the_version() -> None:
    facts = [customer(1, op="c", city="Berlin"), customer(3, op="d")]
    found = truth_of("customers", "1", facts)
    assert (found["deleted"], found["state"], found["sequence"], found["change_id"]) == (True, None, 3, "c3")
    assert history(*facts) == [("Berlin", "1970-01-02", "1970-01-04")]


def test_an_older_update_does_not_bring_a_deleted_row_back() -> None:
    assert truth_of("customers", "1", [customer(3, op="d"), customer(2, city="Lyon")])["deleted"]


def test_a_late_change_splits_the_version_it_falls_into() -> None:
    facts = [customer(1, op="c", city="Berlin"), customer(9, city="Roma"), customer(5, city="Lyon")]
    assert history(*facts) == [
        ("Berlin", "1970-01-02", "1970-01-06"),
        ("Lyon", "1970-01-06", "1970-01-10"),
        ("Roma", "1970-01-10", None),
    ]


def test_a_newer_change_dated_earlier_hides_what_is_dated_after_it() -> None:
    assert history(customer(5, city="Lyon"), customer(9, city="Roma", day=3)) == [("Roma", "1970-01-04", None)]


def test_equal_neighbours_are_one_version_and_untracked_fields_open_none() -> None:
    assert history(customer(1, op="c", city="Berlin"), customer(2, city="Berlin", phone="+49 1")) == [
        ("Berlin", "1970-01-02", None)
    ]


def test_a_version_of_no_length_is_left_out() -> None:
    assert history(customer(1, city="Berlin"), customer(2, city="Lyon", day=1)) == [("Lyon", "1970-01-02", None)]


def test_a_gap_between_a_delete_and_a_return_is_no_version() -> None:
    facts = [customer(1, city="Berlin"), customer(2, op="d"), customer(5, op="c", city="Berlin")]
    assert history(*facts) == [("Berlin", "1970-01-02", "1970-01-03"), ("Berlin", "1970-01-06", None)]


def test_a_partial_update_changes_what_it_names_and_null_stays_null() -> None:
    facts = [
        order(3, given=(0, 3), order_id="7", status="shipped"),
        order(1, op="c", order_id="7", customer_id="2", status="pending", total_amount="10.00"),
        order(2, order_id="7", customer_id="2", status="processing", total_amount="12.00"),
    ]
    state = truth_of("orders", "7", facts)["state"]
    assert (state["status"], state["total_amount"], state["customer_id"]) == ("shipped", "12.00", "2")
    assert state["order_date"] is None


def test_a_partial_update_of_a_row_that_is_not_there_gives_what_it_names() -> None:
    state = truth_of("orders", "7", [order(3, given=(0, 3), order_id="7", status="shipped")])["state"]
    assert state == dict.fromkeys(state) | {"order_id": "7", "status": "shipped"}


def test_a_truncate_deletes_every_key_with_a_lower_sequence(tmp_path: Path) -> None:
    truth = Truth("customers")
    truth.add(0, "1", customer(1, op="c", customer_id="1"))
    truth.add(0, "", customer(2, op="t"))
    truth.add(0, "2", customer(3, op="c", customer_id="2"))
    truth.write(tmp_path / "truth.jsonl")
    truth.close()
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    assert [(line["key"], line["deleted"]) for line in lines] == [(["1"], True), (["2"], False)]


def test_archived_keys_are_written_like_the_others_and_writing_twice_gives_the_same(tmp_path: Path) -> None:
    truth = Truth("orders", archive_after_days=10)
    for day, key in ((0, "1"), (0, "2"), (8, "1"), (15, "3")):
        truth.add(day, key, order(day + 1, op="c", order_id=key))
        truth.archive(day)
    for name in ("one", "two"):
        truth.write(tmp_path / name)
    truth.close()
    keys = [json.loads(line)["key"][0] for line in (tmp_path / "one").read_text("utf-8").splitlines()]
    assert keys == ["2", "1", "3"]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
