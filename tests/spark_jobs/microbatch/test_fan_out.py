"""Each judged row goes to exactly one of four places, and the sum is that of the rows that came."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from schema_registry.registry import load
from spark_jobs.lake import Lake
from spark_jobs.microbatch.fan_out import FanOutResult, Plan, fan_out
from spark_jobs.schemas import REASON, TEXT_MAP, TIMESTAMP
from spark_jobs.transforms.dedupe import Duplicates, row_locators

SUBJECT = load().subject("ecommerce_events")
NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)
READ = NOON + timedelta(hours=1)
BAD = [{"code": "missing", "field": "price", "detail": "x"}, {"code": "encoding", "field": None, "detail": "y"}]
FIRST = "the accepted row"


def schema(lake: Lake) -> pa.Schema:
    silver = lake.silver(SUBJECT).schema
    made_later = {"late_arrival_flag", "query_id", "batch_id", "processed_at"}
    judged = [
        ("source", pa.string()),
        ("source_position", pa.int64()),
        ("ingested_at", TIMESTAMP),
        ("raw", pa.string()),
        ("_key", pa.string()),
        ("_event_time", TIMESTAMP),
        ("_valid", pa.bool_()),
        ("_control", pa.bool_()),
        ("_reasons", pa.list_(REASON)),
        ("_payload", TEXT_MAP),
    ]
    return pa.schema([*(field for field in silver if field.name not in made_later), *judged])


def row(position: int, *, valid: bool = True, control: bool = False, time: datetime = NOON) -> dict[str, Any]:
    return {
        "row_id": f"r{position}",
        "event_id": f"e{position}",
        "event_time": time,
        "event_date": time.date(),
        "source": "1.csv",
        "source_position": position,
        "ingested_at": READ,
        "_key": f"e{position}",
        "_event_time": time,
        "_valid": valid,
        "_control": control,
        "_reasons": None if valid else BAD,
        "_payload": [("event_id", f"e{position}")],
    }


def repeats(rows: list[dict[str, Any]], places: list[int]) -> Duplicates:
    chosen = [rows[place] for place in places]
    times = pa.array([one["ingested_at"] for one in chosen], TIMESTAMP)
    own = row_locators(times, pa.array([one["source_position"] for one in chosen], pa.int64()))
    return Duplicates(own, pa.array([FIRST] * len(chosen), pa.string()))


def fork(
    root: Path,
    rows: list[dict[str, Any]],
    again: list[int],
    *,
    watermark: datetime | None,
    refuse_late: bool,
    size: int = 3,
) -> tuple[FanOutResult, dict[str, list[dict[str, Any]]]]:
    lake = Lake(root)
    tables = [lake.silver(SUBJECT), lake.duplicates, lake.dead_letters]
    plan = Plan(
        subject=SUBJECT.name,
        query_id="q",
        batch_id=7,
        processed_at=1_769_700_000_000_000,
        contract_fingerprint="f",
        event_time="event_time",
        watermark=watermark,
        refuse_late=refuse_late,
        found_duplicates=repeats(rows, again),
        accepted=tables[0],
        duplicates=tables[1],
        dead_letters=tables[2],
    )
    given_ = pa.Table.from_pylist(rows, schema=schema(lake))
    result = FanOutResult.from_json(fan_out(given_.to_batches(max_chunksize=size), plan).to_json())
    written: dict[str, list[dict[str, Any]]] = {table.name.split("/")[0]: [] for table in tables[:1]}
    written |= {"ops/duplicates": [], "ops/dead_letters": []}
    paths = {table.name: table.path for table in tables}
    for part in result.parts:
        found = pq.read_table(Path(paths[part.table]) / part.path, partitioning=None)
        assert found.num_rows == part.rows
        written["silver" if part.table.startswith("silver") else part.table] += found.to_pylist()
    return result, written


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(one["row_id"] for one in rows)


WATERMARK = NOON - timedelta(minutes=10)
OLD = NOON - timedelta(days=1)


def test_each_row_goes_to_its_place_with_what_is_known_of_it(tmp_path: Path) -> None:
    rows = [
        row(1),
        row(2, time=OLD),
        row(3),
        row(4, valid=False),
        row(5, control=True),
        row(6, valid=False, time=OLD),
    ]
    result, written = fork(tmp_path, rows, [2], watermark=WATERMARK, refuse_late=False)
    accepted = sorted(written["silver"], key=lambda one: one["row_id"])
    assert [(a["row_id"], a["late_arrival_flag"], a["batch_id"]) for a in accepted] == [
        ("r1", False, 7),
        ("r2", True, 7),
    ]
    (duplicate,) = written["ops/duplicates"]
    assert (duplicate["row_id"], duplicate["key"], duplicate["first_row_id"]) == ("r3", "e3", FIRST)
    assert ids(written["ops/dead_letters"]) == ["r4", "r6"]
    dead_letter = written["ops/dead_letters"][0]
    assert (dead_letter["reasons"], dead_letter["payload"], dead_letter["status"], dead_letter["attempts"]) == (
        BAD,
        [("event_id", "e4")],
        "open",
        1,
    )
    assert result.reasons == {"missing:price": 2, "encoding": 2}
    assert (result.late, result.control) == (1, 1)
    assert sorted({str(part.partition["event_date"]) for part in result.parts if "event_date" in part.partition}) == [
        str(date(2026, 1, 28)),
        str(date(2026, 1, 29)),
    ]


def test_late_rows_are_dead_letters_with_the_reason_late_where_the_policy_refuses_them(tmp_path: Path) -> None:
    rows = [row(1), row(2, time=OLD), row(3, valid=False, time=OLD), row(4, time=OLD)]
    result, written = fork(tmp_path, rows, [3], watermark=WATERMARK, refuse_late=True)
    assert (ids(written["silver"]), ids(written["ops/duplicates"])) == (["r1"], ["r4"])
    codes = {one["row_id"]: [reason["code"] for reason in one["reasons"]] for one in written["ops/dead_letters"]}
    assert codes == {"r2": ["late"], "r3": ["missing", "encoding", "late"]}
    assert result.reasons == {"late:event_time": 2, "missing:price": 1, "encoding": 1}
    assert result.late == 0


def test_only_accepted_rows_span_the_event_times(tmp_path: Path) -> None:
    rows = [row(1), row(2, valid=False, time=NOON + timedelta(days=9)), row(3, time=NOON + timedelta(hours=1))]
    result, _ = fork(tmp_path, rows, [], watermark=None, refuse_late=False)
    low, high = (pa.scalar(moment, TIMESTAMP).cast(pa.int64()).as_py() for moment in (NOON, NOON + timedelta(hours=1)))
    assert (result.min_event_time, result.max_event_time) == (low, high)


def test_an_empty_batch_writes_nothing(tmp_path: Path) -> None:
    result, _ = fork(tmp_path, [], [], watermark=None, refuse_late=False)
    assert result == FanOutResult()
    assert list(tmp_path.iterdir()) == []


def test_workers_tallies_add_up(tmp_path: Path) -> None:
    total = FanOutResult()
    for place, times in enumerate([(NOON, OLD), (OLD, OLD), ()]):
        rows = [row(n, time=time) for n, time in enumerate(times)]
        total.add(fork(tmp_path / str(place), rows, [], watermark=WATERMARK, refuse_late=False)[0])
    assert (total.late, sum(part.rows for part in total.parts)) == (3, 4)
    assert total.max_event_time is not None
    assert total.max_event_time - (total.min_event_time or 0) == 86_400_000_000


FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=40, deadline=None)
@given(st.lists(FLAGS, max_size=16), st.booleans(), st.booleans(), st.integers(1, 16))
def test_whatever_is_said_of_the_rows_each_is_written_once_and_the_sum_balances(
    flags: list[tuple[bool, bool, bool, bool]], refuse_late: bool, first_batch: bool, size: int
) -> None:
    rows = [
        row(n, valid=valid, control=control, time=OLD if late else NOON)
        for n, (valid, late, control, _) in enumerate(flags)
    ]
    again = [n for n, (_, _, _, repeated) in enumerate(flags) if repeated]
    watermark = None if first_batch else WATERMARK
    with tempfile.TemporaryDirectory() as root:
        result, written = fork(Path(root), rows, again, watermark=watermark, refuse_late=refuse_late, size=size)
    control = {f"r{n}" for n, (_, _, is_control, _) in enumerate(flags) if is_control}
    duplicate = {f"r{n}" for n in again} - control
    assert ids(written["ops/duplicates"]) == sorted(duplicate)
    assert result.control == len(control)
    everywhere = [one for rows_ in written.values() for one in rows_]
    assert ids(everywhere) == sorted({one["row_id"] for one in rows} - control)
    assert sum(part.rows for part in result.parts) + result.control == len(rows)
    assert all(one["reasons"] for one in written["ops/dead_letters"])
