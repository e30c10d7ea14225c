"""The rows of a batch that repeat an accepted row: rows in sight, any order of arrival in the table, one answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.transforms.dedupe import ACCEPTED_SCHEMA, DuplicateIndex, Duplicates, find_duplicates, row_locators

if TYPE_CHECKING:
    from random import Random

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("row_id", pa.string()),
        ("ingested_at", TIMESTAMP),
        ("source_position", pa.int64()),
        ("_key", pa.string()),
        ("_event_time", TIMESTAMP),
        ("_valid", pa.bool_()),
        ("_late", pa.bool_()),
    ]
)
NOTHING = pa.array([], pa.string())


def at(minutes: float) -> datetime:
    """That many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Row:
    """A judged row. ``reading``: which file, in order of reading; ``place``: its position there."""

    row_id: str
    key: str | None
    minute: float | None
    reading: int = 1
    place: int = 1
    valid: bool = True


@dataclass
class Setting:
    """What the lake holds when a batch comes in: (key, minute, row_id) accepted, dead letters, the watermark."""

    accepted: list[tuple[Any, Any, str]] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    watermark: float | None = None
    refuse_late: bool = False


def is_late(row: Row, watermark: float | None) -> bool:
    return row.minute is not None and watermark is not None and row.minute < watermark


def narrow(rows: list[Row], watermark: float | None) -> pa.Table:
    columns = [
        [row.row_id for row in rows],
        [at(0) + timedelta(microseconds=row.reading) for row in rows],
        [row.place for row in rows],
        [row.key for row in rows],
        [None if row.minute is None else at(row.minute) for row in rows],
        [row.valid for row in rows],
        [is_late(row, watermark) for row in rows],
    ]
    return pa.table([pa.array(each, kind.type) for each, kind in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def verdicts(rows: list[Row], lake: Setting) -> dict[tuple[int, int], str]:
    """(reading, place) of every duplicate → the row it repeats."""
    table = narrow(rows, lake.watermark)
    keys, minutes, ids = zip(*lake.accepted, strict=True) if lake.accepted else ([], [], [])
    history = pa.table([list(keys), [at(m) for m in minutes], list(ids)], schema=ACCEPTED_SCHEMA)
    watermark = None if lake.watermark is None else at(lake.watermark)
    dead = pa.array(lake.dead, pa.string())
    found = find_duplicates(table, history, watermark, refuse_late=lake.refuse_late, judged_before=dead)
    seat = row_locators(table["ingested_at"], table["source_position"])
    names = {name: (row.reading, row.place) for name, row in zip(seat.to_pylist(), rows, strict=True)}
    assert len(found) == len(set(found.locators.to_pylist())), "a row is a duplicate once"
    pairs = zip(found.locators.to_pylist(), found.first_row_ids.to_pylist(), strict=True)
    return {names[name]: first for name, first in pairs}


def test_the_first_by_reading_and_place_wins() -> None:
    rows = [
        Row("later-file", "k", 5, reading=2, place=1),
        Row("second-line", "k", 5, reading=1, place=9),
        Row("first-line", "k", 5, reading=1, place=2),
    ]
    assert verdicts(rows, Setting()) == {(1, 9): "first-line", (2, 1): "first-line"}


def test_one_key_with_two_times_newer_than_the_watermark_is_one_event() -> None:
    rows = [Row("a", "k", 5, place=1), Row("b", "k", 7, place=2)]
    assert verdicts(rows, Setting()) == {(1, 2): "a"}
    assert verdicts(rows, Setting(watermark=5)) == {(1, 2): "a"}


def test_a_time_equal_to_the_watermark_is_not_late() -> None:
    rows = [Row("a", "k", 5, place=1), Row("b", "k", 9, place=2)]
    assert verdicts(rows, Setting(watermark=5)) == {(1, 2): "a"}
    assert verdicts(rows, Setting(watermark=5.01)) == {}
    assert verdicts(rows[1:], Setting([("k", 5, "old")], watermark=5)) == {(1, 2): "old"}
    assert verdicts(rows[1:], Setting([("k", 5, "old")], watermark=5.01)) == {}


def test_an_old_key_with_another_time_is_another_event() -> None:
    rows = [Row("a", "k", -60, place=1), Row("b", "k", -50, place=2), Row("c", "k", 5, place=3)]
    assert verdicts(rows, Setting(watermark=0)) == {}


def test_an_exact_copy_is_a_duplicate_whatever_its_age() -> None:
    years_ago = -60.0 * 24 * 365 * 20
    rows = [Row("a", "k", years_ago, place=1), Row("b", "k", years_ago, place=2)]
    assert verdicts(rows, Setting(watermark=0)) == {(1, 2): "a"}
    assert verdicts(rows, Setting([("k", years_ago, "old")], watermark=0)) == {(1, 1): "old", (1, 2): "old"}


@pytest.mark.parametrize("refuse_late", [False, True])
def test_a_late_copy_is_a_duplicate_and_not_late(refuse_late: bool) -> None:
    row = [Row("copy", "k", -60)]
    assert verdicts(row, Setting([("k", -60, "old")], watermark=0, refuse_late=refuse_late)) == {(1, 1): "old"}


def test_history_wins_over_the_whole_batch() -> None:
    rows = [Row("a", "k", 5, place=1), Row("b", "k", 6, place=2), Row("c", "other", 6, place=3)]
    assert verdicts(rows, Setting([("k", 5.5, "old")])) == {(1, 1): "old", (1, 2): "old"}


def test_an_exact_copy_in_history_is_named_before_one_of_the_same_key() -> None:
    lake = Setting([("k", 3, "earlier"), ("k", 5, "exact")], watermark=4)
    assert verdicts([Row("a", "k", 5)], lake) == {(1, 1): "exact"}
    assert verdicts([Row("a", "k", 3)], lake) == {(1, 1): "earlier"}
    assert verdicts([Row("a", "k", 6)], lake) == {(1, 1): "exact"}


def test_rows_of_history_with_the_same_key_are_named_in_order_of_time() -> None:
    lake = Setting([("k", 7, "seventh"), ("k", 6, "sixth"), ("k", 6, "a sixth too")])
    assert verdicts([Row("a", "k", 9)], lake) == {(1, 1): "a sixth too"}


def test_invalid_rows_never_win_and_are_never_duplicates() -> None:
    rows = [
        Row("bad", "k", 5, place=1, valid=False),
        Row("good", "k", 5, place=2),
        Row("bad-too", "k", 5, place=3, valid=False),
        Row("copy", "k", 5, place=4),
        Row("no-key", None, 5, place=5, valid=False),
        Row("no-time", "k", None, place=6, valid=False),
        Row("nothing", None, None, place=7, valid=False),
    ]
    assert verdicts(rows, Setting()) == {(1, 4): "good"}
    assert verdicts(rows, Setting([("k", 5, "old")])) == {(1, 2): "old", (1, 4): "old"}


def test_two_late_rows_with_one_key_are_one_event_only_if_they_are_equal() -> None:
    rows = [Row("a", "k", -5, place=1), Row("b", "k", -4, place=2), Row("c", "k", -5, place=3)]
    assert verdicts(rows, Setting(watermark=0)) == {(1, 3): "a"}


def test_late_rows_that_are_refused_win_over_nothing() -> None:
    rows = [
        Row(name, "k", minute, place=place)
        for place, (name, minute) in enumerate([("a", -5), ("b", -5), ("c", 5), ("d", 5)], 1)
    ]
    assert verdicts(rows, Setting(watermark=0, refuse_late=True)) == {(1, 4): "c"}


def test_an_accepted_row_read_again_repeats_itself() -> None:
    rows = [Row("a", "k", 5, reading=1), Row("a", "k", 5, reading=2)]
    assert verdicts(rows, Setting()) == {(2, 1): "a"}
    assert verdicts(rows, Setting([("k", 5, "a")])) == {(1, 1): "a", (2, 1): "a"}


def test_a_refused_row_read_again_is_a_duplicate_of_itself() -> None:
    rows = [Row("x", None, 5, reading=2, valid=False), Row("x", None, 5, reading=1, valid=False)]
    assert verdicts(rows, Setting()) == {(2, 1): "x"}
    assert verdicts(rows, Setting(dead=["x", "y"])) == {(1, 1): "x", (2, 1): "x"}


def test_a_refused_late_row_read_again_is_a_duplicate_of_itself() -> None:
    rows = [Row("x", "k", -5, reading=1), Row("x", "k", -5, reading=2)]
    assert verdicts(rows, Setting(watermark=0, refuse_late=True)) == {(2, 1): "x"}
    assert verdicts(rows, Setting(watermark=0, refuse_late=True, dead=["x"])) == {(1, 1): "x", (2, 1): "x"}


def test_a_duplicate_read_again_still_repeats_the_accepted_row() -> None:
    rows = [Row("copy", "k", -5, reading=1), Row("copy", "k", -5, reading=2)]
    for refuse_late in (False, True):
        lake = Setting([("k", -5, "old")], watermark=0, refuse_late=refuse_late)
        assert verdicts(rows, lake) == {(1, 1): "old", (2, 1): "old"}


def test_a_row_that_is_a_dead_letter_already_wins_over_no_copy_though_it_is_valid_now() -> None:
    rows = [Row("dead", "k", 5, reading=1), Row("alive", "k", 5, reading=2), Row("copy", "k", 5, reading=3)]
    assert verdicts(rows, Setting(dead=["dead"])) == {(1, 1): "dead", (3, 1): "alive"}


def test_a_row_of_the_future_that_is_read_again_when_its_time_has_come_stays_one_dead_letter() -> None:
    rows = [
        Row("early", "k", 5, reading=1, valid=False),
        Row("early", "k", 5, reading=2),
        Row("copy", "k", 5, reading=3),
    ]
    assert verdicts(rows, Setting()) == {(2, 1): "early"}


def test_a_row_id_of_a_dead_letter_that_repeats_an_accepted_row_names_the_accepted_one() -> None:
    assert verdicts([Row("x", "k", 5)], Setting([("k", 5, "old")], dead=["x"])) == {(1, 1): "old"}


def test_nothing_repeats_nothing() -> None:
    assert verdicts([], Setting()) == {}
    assert verdicts([], Setting([("k", 5, "old")], dead=["x"], watermark=0)) == {}
    assert verdicts([Row("a", None, None, valid=False)], Setting()) == {}
    assert verdicts([Row("a", "k", 1)], Setting([("other", 1, "old")], dead=["x"], watermark=0)) == {}


def test_times_differ_by_a_microsecond() -> None:
    tick = 1 / 60_000_000
    rows = [Row("a", "k", -5, place=1), Row("b", "k", -5 + tick, place=2)]
    assert verdicts(rows, Setting(watermark=0)) == {}


def test_a_table_in_several_pieces_is_read_like_a_whole_one() -> None:
    rows = [Row("a", "k", 5, place=1), Row("b", "j", 5, place=2), Row("c", "k", 5, place=3)]
    pieces = pa.concat_tables([narrow([row], None) for row in rows])
    history = pa.concat_tables(
        [pa.table([["j"], [at(5)], ["old"]], schema=ACCEPTED_SCHEMA), ACCEPTED_SCHEMA.empty_table()]
    )
    found = find_duplicates(pieces, history, None, refuse_late=False, judged_before=NOTHING)
    assert found.first_row_ids.to_pylist() == ["old", "a"]


KEYS = st.sampled_from(["k", "j", None])
MINUTES = st.sampled_from([-2, -1, 0, 1, 2, None])


@st.composite
def batches(draw: st.DrawFn, most: int = 8) -> list[Row]:
    """Rows with seats of their own; few keys, times and ids, so that they meet; a row reads the same each time."""
    seen: dict[str, tuple[str | None, int | None, bool]] = {}
    rows = []
    for reading in range(1, draw(st.integers(1, 3)) + 1):
        for place in range(1, draw(st.integers(0, most // 2)) + 1):
            row_id = draw(st.sampled_from("abcde")) + str(place)
            key, minute, good = seen.setdefault(row_id, (draw(KEYS), draw(MINUTES), draw(st.booleans())))
            valid = key is not None and minute is not None and good
            rows.append(Row(row_id, key, minute, reading, place, valid))
    return rows


SETTINGS = st.builds(
    Setting,
    accepted=st.lists(
        st.tuples(st.sampled_from(["k", "j"]), st.sampled_from([-2, -1, 0, 1, 2]), st.sampled_from("pqr")),
        max_size=4,
    ),
    dead=st.lists(st.sampled_from(["a1", "b2"])),
    watermark=st.sampled_from([None, -1, 0, 1]),
    refuse_late=st.booleans(),
)


def oracle(rows: list[Row], lake: Setting) -> dict[tuple[int, int], str]:
    """The same in plain Python: one row after the other, in the order of reading. A dead letter knows its own name
    better than a copy's in the same batch."""
    history = sorted(lake.accepted, key=lambda each: (each[1], each[2]))
    batch: list[tuple[Any, Any, str]] = []
    dead = set(lake.dead)
    found = {}
    for row in sorted(rows, key=lambda row: (row.reading, row.place)):
        late = is_late(row, lake.watermark)
        old, new = (row.valid and repeated(row, known, lake.watermark) for known in (history, batch))
        if old:
            found[row.reading, row.place] = old
        elif row.row_id in dead:
            found[row.reading, row.place] = row.row_id
        elif not row.valid or (late and lake.refuse_late):
            dead.add(row.row_id)
        elif new:
            found[row.reading, row.place] = new
        else:
            batch.append((row.key, row.minute, row.row_id))
    return found


def repeated(row: Row, known: list[tuple[Any, Any, str]], watermark: float | None) -> str | None:
    exact = [name for key, minute, name in known if (key, minute) == (row.key, row.minute)]
    mark = float("-inf") if watermark is None else watermark
    fresh = [name for key, minute, name in known if key == row.key and minute >= mark and row.minute >= mark]  # type: ignore[operator]
    return next(iter(exact or fresh), None)


@settings(max_examples=300, deadline=None)
@given(batches(), SETTINGS, st.randoms(use_true_random=False))
def test_any_order_of_the_table_gives_the_verdicts_of_reading_row_by_row(rows: Any, lake: Any, random: Random) -> None:
    expected = oracle(rows, lake)
    assert verdicts(rows, lake) == expected
    random.shuffle(rows)
    assert verdicts(rows, lake) == expected


EVENTS = st.dictionaries(st.text("klm", min_size=1, max_size=2), st.integers(-30, 30), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.data(), EVENTS)
def test_any_batching_of_exact_copies_accepts_each_event_once(data: Any, events: Any) -> None:
    copies = [key for key in events for _ in range(data.draw(st.integers(1, 3)))]
    copies = data.draw(st.permutations(copies))
    lake = Setting()
    accepted: list[Any] = []
    reading = 0
    while copies:
        size = data.draw(st.integers(1, len(copies)))
        batch, copies = copies[:size], copies[size:]
        reading += 1
        rows = [Row(f"{reading}-{place}", key, events[key], reading, place) for place, key in enumerate(batch, 1)]
        found = verdicts(rows, lake)
        assert found == oracle(rows, lake)
        new = [row for row in rows if (row.reading, row.place) not in found]
        accepted += [row.key for row in new]
        lake.accepted += [(row.key, row.minute, row.row_id) for row in new]
        highest = max(minute for _, minute, _ in lake.accepted)
        lake.watermark = highest - 10
    assert sorted(accepted) == sorted(events)


def test_repeats_are_put_in_order_once_and_found_batch_by_batch() -> None:
    times = pa.array([0, 1, 256, -(2**63), 2**63 - 1, 0], pa.int64()).cast(TIMESTAMP)
    places = pa.array([0, 256, 1, 0, -1, 2**40], pa.int64())
    known = [f"first of {n}" for n in range(6)]
    found = DuplicateIndex.from_duplicates(Duplicates(row_locators(times, places).slice(1), pa.array(known).slice(1)))
    rows = pa.table({"ingested_at": times, "source_position": places})
    assert found.first_row_ids(rows).to_pylist() == [None, *known[1:]]
    assert found.first_row_ids(rows.slice(3, 2)).to_pylist() == known[3:5]
    sixth = DuplicateIndex.from_duplicates(Duplicates(row_locators(times, places).slice(6), pa.array(known).slice(6)))
    assert sixth.first_row_ids(rows).null_count == 6
