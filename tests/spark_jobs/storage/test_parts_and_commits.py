"""Parts say what they hold; a commit makes them visible once; the ledger survives a kill."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage import table_writer
from spark_jobs.storage.append import append_once, is_committed
from spark_jobs.storage.cache import StorageCache, use_storage_cache
from spark_jobs.storage.create import SchemaConflictError, added_later, ensure_table
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.parts import Part
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import TableWriter, write_parts

SCHEMA = pa.schema([("row_id", pa.string()), ("n", pa.int64()), ("at", TIMESTAMP), ("day", pa.date32())])
NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)
FIRST, SECOND = date(2026, 1, 29), date(2026, 1, 30)


def table_at(root: Path, **changes: object) -> Table:
    return dataclasses.replace(Table("ops/x", str(root / "x"), SCHEMA, ("day",), ("n", "at", "row_id")), **changes)


def rows(*days: date | None, at: datetime | None = NOON) -> pa.Table:
    return pa.Table.from_pylist(
        [{"row_id": f"r{n}", "n": n, "at": at, "day": day} for n, day in enumerate(days)], schema=SCHEMA
    )


def seen(path: str) -> list[tuple[str, date | None]]:
    table = DeltaTable(path).to_pyarrow_table()
    return sorted(zip(table["row_id"].to_pylist(), table["day"].to_pylist(), strict=True))


def footer(table: Table, part: Part) -> pq.FileMetaData:
    return pq.read_metadata(Path(table.path) / part.path)


def test_each_partition_value_gets_a_part_whose_counts_are_its_footers(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    written = write_parts(table, rows(FIRST, SECOND, FIRST))
    assert [(part.partition, part.rows) for part in written] == [({"day": "2026-01-29"}, 2), ({"day": "2026-01-30"}, 1)]
    for part in written:
        assert part.path.startswith(f"day={part.partition['day']}/")
        assert footer(table, part).num_rows == part.rows
        assert (Path(table.path) / part.path).stat().st_size == part.size
        assert Part.from_json(json.loads(json.dumps(part.to_json()))) == part


def test_no_row_makes_no_part_and_no_file(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert write_parts(table, rows()) == []
    assert not Path(table.path).exists()


@pytest.mark.parametrize(
    ("at", "low", "high"),
    [
        (NOON, "2026-01-29T12:00:00.000Z", "2026-01-29T12:00:00.000Z"),
        (NOON + timedelta(microseconds=1), "2026-01-29T12:00:00.000Z", "2026-01-29T12:00:00.001Z"),
        (NOON + timedelta(microseconds=1000), "2026-01-29T12:00:00.001Z", "2026-01-29T12:00:00.001Z"),
        (datetime(1, 1, 2, tzinfo=UTC), "0001-01-02T00:00:00.000Z", "0001-01-02T00:00:00.000Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        (None, None, None),
    ],
)
def test_a_times_bounds_have_milliseconds_and_never_cut_it(
    tmp_path: Path, at: datetime | None, low: str | None, high: str | None
) -> None:
    (part,) = write_parts(table_at(tmp_path), rows(FIRST, at=at))
    stats = json.loads(part.stats)
    assert stats["numRecords"] == 1
    assert (stats["minValues"].get("at"), stats["maxValues"].get("at")) == (low, high)
    assert (stats["minValues"]["n"], stats["maxValues"]["row_id"]) == (0, "r0")


def test_bounds_span_all_that_was_written(tmp_path: Path) -> None:
    writer = TableWriter(table_at(tmp_path))
    for hours in (5, 1, 9):
        writer.write(rows(FIRST, FIRST, at=NOON + timedelta(hours=hours)))
    (part,) = writer.close()
    stats = json.loads(part.stats)
    assert (stats["minValues"]["at"], stats["maxValues"]["at"]) == (
        "2026-01-29T13:00:00.000Z",
        "2026-01-29T21:00:00.000Z",
    )
    assert (part.rows, stats["minValues"]["n"], stats["maxValues"]["n"]) == (6, 0, 1)


def test_a_full_part_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writer, "PART_ROWS", 4)
    table = table_at(tmp_path)
    writer = TableWriter(table)
    for _ in range(3):
        writer.write(rows(FIRST, FIRST, SECOND, FIRST))
    written = writer.close()
    assert sorted((part.partition["day"], part.rows) for part in written) == [
        ("2026-01-29", 3),
        ("2026-01-29", 6),
        ("2026-01-30", 3),
    ]
    append_once(table, written, writer="w", version=0)
    assert len(seen(table.path)) == 12


def test_a_thousand_days_in_one_write_need_no_thousand_open_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_writer, "OPEN_BYTES", 2_000_000)
    table = table_at(tmp_path)
    writer = TableWriter(table)
    days = [FIRST + timedelta(days=n) for n in range(400)]
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        writer.write(rows(*days))
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208
    written = writer.close()
    assert sum(footer(table, part).num_rows for part in written) == sum(part.rows for part in written) == 1200
    assert {part.partition["day"] for part in written} == {day.isoformat() for day in days}


def test_a_row_without_a_partition_value_is_not_lost(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    written = write_parts(table, rows(FIRST, None))
    append_once(table, written, writer="w", version=0)
    assert DeltaTable(table.path).to_pyarrow_table().num_rows == 2
    assert sorted(part.partition["day"] or "" for part in written) == ["", "2026-01-29"]


def test_at_most_one_partition_column_varies(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ops/x: at most one partition column .* \['n', 'day'\]"):
        TableWriter(table_at(tmp_path, partition_by=("n", "day")))


def test_every_reader_sees_what_was_committed_and_the_log_names_the_writer(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert append_once(table, write_parts(table, rows(FIRST, SECOND)), writer="q:ops/x", version=7)
    assert seen(table.path) == [("r0", FIRST), ("r1", SECOND)]
    with duckdb.connect() as database:
        database.execute("SET autoinstall_known_extensions = false")
        files = DeltaTable(table.path).file_uris()
        assert database.execute("SELECT count(*) FROM read_parquet(?)", [files]).fetchone() == (2,)
    log = (Path(table.path) / "_delta_log" / f"{1:020}.json").read_text().splitlines()
    (txn,) = [action["txn"] for action in map(json.loads, log) if "txn" in action]
    assert (txn["appId"], txn["version"]) == ("q:ops/x", 7)


def test_a_commit_done_twice_lands_once_and_another_writers_lands_too(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    batch = write_parts(table, rows(FIRST))
    assert append_once(table, batch, writer="w", version=3)
    assert not append_once(table, batch, writer="w", version=3)
    assert not append_once(table, write_parts(table, rows(FIRST)), writer="w", version=2)
    assert append_once(table, write_parts(table, rows(FIRST)), writer="w", version=4)
    assert append_once(table, write_parts(table, rows(FIRST)), writer="other", version=0)
    assert len(seen(table.path)) == 3
    assert [is_committed(table, writer="w", version=version) for version in (2, 4, 5)] == [True, True, False]


def test_a_commit_done_again_once_its_parts_were_compacted_and_vacuumed_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a start does that finds a settled batch in its ledger."""
    table = table_at(tmp_path)
    batches = [write_parts(table, rows(FIRST)) for _ in range(2)]
    for version, batch in enumerate(batches):
        append_once(table, batch, writer="w", version=version)
    held = DeltaTable(table.path)
    held.optimize.compact()
    held.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert not any((Path(table.path) / part.path).exists() for batch in batches for part in batch)
    use_storage_cache(StorageCache())  # another process
    assert not append_once(table, batches[1], writer="w", version=1)
    assert len(seen(table.path)) == 2


def test_a_table_that_asks_its_writers_for_more_than_rows_gets_it_from_delta_rs(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    append_once(table, write_parts(table, rows(FIRST)), writer="w", version=0)
    DeltaTable(table.path).alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    assert append_once(table, write_parts(table, rows(SECOND)), writer="w", version=1)
    assert not append_once(table, write_parts(table, rows(SECOND)), writer="w", version=1)
    assert len(seen(table.path)) == 2
    writers = [(each["operation"], each["engineInfo"][:9]) for each in DeltaTable(table.path).history()]
    assert (writers[0], writers[2]) == (("WRITE", "delta-rs:"), ("WRITE", "Tallylake"))


def test_a_checkpoint_of_an_appended_table_comes_every_twenty_versions(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    for version in range(41):
        append_once(table, write_parts(table, rows(FIRST)), writer="w", version=version)
    log = Path(table.path) / "_delta_log"
    assert sorted(path.name[18:20] for path in log.glob("*.checkpoint.parquet")) == ["20", "40"]
    for version in range(40):
        (log / f"{version:020}.json").unlink()
    assert len(seen(table.path)) == 41
    assert not append_once(table, write_parts(table, rows(FIRST)), writer="w", version=40)


def test_no_parts_make_no_commit_and_no_table(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert not append_once(table, [], writer="w", version=0)
    assert open_table(table.path) is None
    assert not is_committed(table, writer="w", version=0)


def test_a_column_added_later_is_null_before_and_named_in_the_table(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    append_once(table, write_parts(table, rows(FIRST)), writer="w", version=0)
    wider = table_at(tmp_path, schema=SCHEMA.append(pa.field("note", pa.string())))
    ensure_table(wider)
    found = ensure_table(wider)
    assert added_later(found) == ["note"]
    more = rows(SECOND).append_column("note", pa.array(["new"]))
    append_once(wider, write_parts(wider, more), writer="w", version=1)
    append_once(table, write_parts(table, rows(FIRST)), writer="w", version=2)  # by a worker with the older contract
    assert sorted(DeltaTable(table.path).to_pyarrow_table()["note"].to_pylist(), key=str) == [None, None, "new"]


def test_a_widening_killed_halfway_is_finished_without_naming_a_column_twice(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    found = ensure_table(table)
    found.alter.set_table_properties({"tally.fieldsAddedLater": "note"}, raise_if_not_exists=False)
    wider = table_at(tmp_path, schema=SCHEMA.append(pa.field("note", pa.string())))
    assert added_later(ensure_table(wider)) == ["note"]


def test_a_column_of_another_type_is_refused_with_table_column_and_types(tmp_path: Path) -> None:
    ensure_table(table_at(tmp_path))
    other = table_at(tmp_path, schema=SCHEMA.set(1, pa.field("n", pa.string())))
    with pytest.raises(SchemaConflictError, match=r"ops/x: column 'n' is bigint in the table but string"):
        ensure_table(other)


def test_a_table_made_anew_at_the_same_place_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    for version in range(3):
        append_once(table, write_parts(table, rows(FIRST)), writer="w", version=version)
    shutil.rmtree(table.path)
    assert open_table(table.path) is None
    assert append_once(table, write_parts(table, rows(SECOND)), writer="w", version=0)
    assert seen(table.path) == [("r0", SECOND)]


def test_a_table_swapped_for_another_behind_our_back_is_noticed(tmp_path: Path) -> None:
    table, other = table_at(tmp_path), table_at(tmp_path / "beside")
    append_once(table, write_parts(table, rows(FIRST, FIRST)), writer="w", version=9)
    append_once(other, write_parts(other, rows(SECOND)), writer="w", version=0)
    shutil.rmtree(table.path)
    shutil.move(other.path, table.path)
    found = open_table(table.path)
    assert found is not None
    assert found.to_pyarrow_table()["day"].to_pylist() == [SECOND]
