"""History is asked for keys and times; it reads the files that can hold them and no others."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from schema_registry.registry import load
from spark_jobs.lake import Lake
from spark_jobs.queries.accepted_rows import TimeRange, find_by_key, row_ids_of_sources, time_ranges
from spark_jobs.schemas import DEAD_LETTERS, TIMESTAMP
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.transforms.dedupe import ACCEPTED_SCHEMA

NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def silver(root: Path, rows: list[tuple[str, datetime]], version: int = 0) -> Table:
    table = Lake(root).silver(load().subject("ecommerce_events"))
    plain = [
        {"event_id": key, "event_time": time, "event_date": time.date(), "row_id": f"id of {key}"} for key, time in rows
    ]
    append_once(
        table, write_parts(table, pa.Table.from_pylist(plain, schema=table.schema)), writer="w", version=version
    )
    return table


def found(table: Table, keys: list[str], *times: TimeRange) -> list[tuple[str, datetime, str]]:
    rows = find_by_key(table, ("event_id",), "event_time", pa.array(keys, pa.string()), times)
    assert rows.schema == ACCEPTED_SCHEMA
    return sorted((row["key"], row["event_time"], row["row_id"]) for row in rows.to_pylist())


def valid_and_late(*rows: tuple[datetime | None, bool, bool]) -> pa.Table:
    times, valid, late = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "_event_time": pa.array(times, TIMESTAMP),
            "_valid": pa.array(valid, pa.bool_()),
            "_late": pa.array(late, pa.bool_()),
        }
    )


def test_without_a_watermark_all_of_history_counts_and_without_valid_rows_none() -> None:
    (span,) = time_ranges(valid_and_late((NOON, True, False)), None)
    assert (span.since.year, span.until) == (1, None)
    assert (
        time_ranges(valid_and_late((None, False, False)), None)
        == time_ranges(valid_and_late((None, False, False)), NOON)
        == []
    )
    assert time_ranges(valid_and_late(), NOON) == []


def test_rows_in_time_ask_from_the_watermark_and_late_ones_for_their_own_days() -> None:
    rows = valid_and_late(
        (NOON, True, False), (NOON - DAY, True, True), (NOON - DAY - HOUR, True, True), (NOON - 9 * DAY, True, True)
    )
    late = [TimeRange(NOON - 9 * DAY, NOON - 9 * DAY), TimeRange(NOON - DAY - HOUR, NOON - DAY)]
    assert time_ranges(rows, NOON - HOUR) == [TimeRange(NOON - HOUR, None), *late]
    assert time_ranges(rows.slice(1), NOON - HOUR) == late
    assert time_ranges(valid_and_late((NOON - DAY, False, True)), NOON) == []


def test_only_keys_asked_for_and_times_within_are_found(tmp_path: Path) -> None:
    table = silver(tmp_path, [("a", NOON), ("b", NOON), ("c", NOON - HOUR), ("a", NOON - 3 * HOUR), ("a", NOON - DAY)])
    assert found(table, ["a", "c", "z"], TimeRange(NOON - HOUR, None)) == [
        ("a", NOON, "id of a"),
        ("c", NOON - HOUR, "id of c"),
    ]
    assert found(table, ["a"], TimeRange(NOON - DAY, NOON - DAY)) == [("a", NOON - DAY, "id of a")]
    assert len(found(table, ["a"], TimeRange(NOON - DAY, NOON - DAY), TimeRange(NOON, None))) == 2
    assert found(table, ["a"]) == found(table, [], TimeRange(NOON, None)) == []


def test_a_row_of_the_last_microsecond_before_a_bound_is_not_pruned_away(tmp_path: Path) -> None:
    precise = NOON + timedelta(microseconds=1)
    table = silver(tmp_path, [("a", precise)])
    assert found(table, ["a"], TimeRange(precise, precise)) == [("a", precise, "id of a")]
    assert found(table, ["a"], TimeRange(precise + timedelta(microseconds=1), None)) == []


def test_files_outside_of_the_times_are_not_even_opened(tmp_path: Path) -> None:
    table = silver(tmp_path, [("a", NOON)])
    before = set(Path(table.path).rglob("*.parquet"))
    silver(tmp_path, [("a", NOON - DAY)], version=1)
    (old,) = set(Path(table.path).rglob("*.parquet")) - before
    old.unlink()
    assert found(table, ["a"], TimeRange(NOON - HOUR, None)) == [("a", NOON, "id of a")]


def test_a_table_that_is_not_there_or_holds_nothing_yet_holds_no_repeat(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    table = lake.silver(load().subject("ecommerce_events"))
    sources = pa.array(["1.csv"])
    for _ in ("not there", "empty"):
        assert found(table, ["a"], TimeRange(NOON, None)) == []
        assert row_ids_of_sources([lake.dead_letters], "s", sources).to_pylist() == []
        ensure_table(table)
        ensure_table(lake.dead_letters)


def test_a_key_of_several_parts_is_found_by_its_escaped_text(tmp_path: Path) -> None:
    schema = pa.schema([("k", pa.string()), ("n", pa.int32()), ("t", TIMESTAMP), ("row_id", pa.string())])
    table = Table("silver/x", str(tmp_path / "x"), schema, (), ("t",))
    rows = [("a|b", 1, NOON, "one"), ("a", 1, NOON, "two"), ("ü", -5, NOON, "three")]
    plain = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
    append_once(table, write_parts(table, plain), writer="w", version=0)

    def ids(key: tuple[str, ...], *texts: str) -> list[str]:
        return sorted(find_by_key(table, key, "t", pa.array(texts), [TimeRange(NOON, None)])["row_id"].to_pylist())

    assert ids(("k", "n"), "a\\|b|1", "ü|-5", "a|b|1") == ["one", "three"]
    micros = pa.scalar(NOON, TIMESTAMP).cast(pa.int64()).as_py()
    assert ids(("k", "t"), f"a|{micros}") == ["two"]
    assert ids(("n",), "1") == ["one", "two"]


def test_a_table_without_bounds_in_its_log_is_read_in_whole(tmp_path: Path) -> None:
    table = silver(tmp_path, [])
    unbounded = dataclasses.replace(table, stats=())
    rows = [{"event_id": "a", "event_time": NOON, "event_date": NOON.date(), "row_id": "id of a"}]
    written = write_parts(unbounded, pa.Table.from_pylist(rows, schema=table.schema))
    append_once(table, written, writer="w", version=0)
    assert found(table, ["a"], TimeRange(NOON, None)) == [("a", NOON, "id of a")]


def test_dead_letters_are_found_by_source_and_subject(tmp_path: Path) -> None:
    table = Lake(tmp_path).dead_letters
    for version, subject in enumerate(["s", "other"]):
        rows = [{"row_id": f"{subject} {source}", "source": source} for source in ("1.csv", "2.csv", "3.csv")]
        plain = pa.Table.from_pylist(rows, schema=DEAD_LETTERS).drop_columns(["subject"])
        append_once(table, write_parts(table, plain, subject=subject), writer="w", version=version)
    assert sorted(row_ids_of_sources([table], "s", pa.array(["1.csv", "3.csv", "9.csv"])).to_pylist()) == [
        "s 1.csv",
        "s 3.csv",
    ]
    assert row_ids_of_sources([table], "s", pa.array(["9.csv"])).to_pylist() == []
    assert row_ids_of_sources([table], "none", pa.array(["1.csv"])).to_pylist() == []
    assert row_ids_of_sources([table], "s", pa.array([], pa.string())).to_pylist() == []
