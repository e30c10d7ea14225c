"""Changes whose key, tracked field and event time are the least and the greatest of each type, without Spark.

Covers point_in_time/key_states and how queries/ write current rows and history.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from schema_registry.registry import load
from spark_jobs.batch.point_in_time.key_states import state_at
from spark_jobs.lake import Lake
from spark_jobs.queries.apply_changes import BatchStamp, ChangeApplier
from spark_jobs.storage import key_lookup
from spark_jobs.storage.append import append_once
from spark_jobs.storage.cache import StorageCache, use_storage_cache
from spark_jobs.storage.key_lookup import rows_with_keys
from spark_jobs.storage.live_files import LiveFile, read_whole
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from pathlib import Path

    from schema_registry.registry import Subject
    from spark_jobs.storage.table import Table

TICK = timedelta(microseconds=1)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
OPEN = datetime(9999, 12, 31, tzinfo=UTC)
NINES = "9" * 28 + "." + "9" * 9
#: The two least, some between, and the two greatest values of each type.
VALUES: dict[str, list[Any]] = {
    "int": [-(2**31), 1 - 2**31, 0, 2**31 - 2, 2**31 - 1],
    "bigint": [-(2**63), 1 - 2**63, 0, 2**53, 2**53 + 1, 2**63 - 2, 2**63 - 1],
    "decimal(20,0)": [Decimal(n) for n in (-(10**20) + 1, -1, 0, 2**53, 2**53 + 1, 2**64 - 1, 10**20 - 1)],
    "decimal(38,10)": [Decimal(n) for n in (f"-{NINES}9", f"-{NINES}8", "-1E-10", "0", "1E-10", f"{NINES}8", f"{NINES}9")],
    "decimal(5,2)": [Decimal(n) for n in ("-999.99", "-999.98", "0.00", "0.01", "999.98", "999.99")],
    "boolean": [False, True],
    "date": [date.min, date(1, 1, 2), date(1582, 10, 10), date(9999, 12, 30), date.max],
    "timestamp": [FIRST, FIRST + TICK, datetime(1582, 10, 10, tzinfo=UTC), OPEN, LAST - TICK, LAST],
    "string": ["", "\0", " ", "a|b", "a\\|b", "é" * 10_000, "é" * 9_999 + "ê", "\U0010ffff" * 65, "\U0010ffff" * 66],
}  # fmt: skip
STAMP = BatchStamp("q", 0, 0)


def subject_of(root: Path, key: dict[str, str], kind: str) -> Subject:
    folder = root / "contracts" / "edges"
    folder.mkdir(parents=True)
    fields = "".join(f"  {name}: {{type: '{type_}', required: true}}\n" for name, type_ in key.items())
    (folder / "v1.yaml").write_text(
        "subject: edges\nversion: 1\nkind: changes\n"
        f"key: [{', '.join(key)}]\nevent_time: effective\nsequence_by: seq\nentity: edge\ntracked: [kept]\n"
        f"fields:\n{fields}  effective: {{type: timestamp, required: true}}\n  kept: {{type: '{kind}'}}\n",
        encoding="utf-8",
    )
    return load(folder.parent).subject("edges")


def merge(lake: Lake, subject: Subject, version: int, *changes: dict[str, Any]) -> dict[str, int]:
    """A batch of accepted changes, as refine would commit it."""
    log = lake.changes(subject)
    rows = pa.Table.from_pylist(
        [{**dict.fromkeys(log.schema.names), "event_ts": FIRST, **change} for change in changes], schema=log.schema
    )
    parts = write_parts(log, rows)
    applied = ChangeApplier(lake, subject).apply(parts, dataclasses.replace(STAMP, batch_id=version))
    append_once(log, parts, writer="log", version=version)
    for table in lake.tables_with_key(subject):
        own = [part for part in applied.parts if part.table == table.name]
        gone = pa.array(applied.deleted_keys.get(table.name, []), pa.int64())
        replace_once(table, own, deleted_keys=gone, writer="w", version=version)
    return applied.effects


def change(seq: int, key: dict[str, Any], effective: datetime, kept: Any, op: str = "u") -> dict[str, Any]:
    return {"change_id": f"c{seq:04}", "op": op, "seq": seq, **key, "effective": effective, "kept": kept}


def scanned(table: Table | None) -> list[dict[str, Any]]:
    assert table is not None
    return list(pa.table(DeltaTable(table.path).scan().read_all()).to_pylist())


@pytest.mark.parametrize("type_", VALUES)
def test_every_key_comes_to_its_own_row_and_history_and_is_found_again(type_: str, tmp_path: Path) -> None:
    subject, lake = subject_of(tmp_path, {"k": type_}, type_), Lake(tmp_path / "lake")
    values = VALUES[type_]
    for version, value in enumerate(values):
        assert merge(lake, subject, version, change(version, {"k": value}, FIRST, values[0]))["inserted"] == 1
    again = [change(100 + n, {"k": value}, LAST, values[-1]) for n, value in enumerate(values)]
    assert merge(lake, subject, 100, *again)["updated"] == len(values)
    assert sorted(row["k"] for row in scanned(lake.current(subject))) == sorted(values)
    assert len(scanned(lake.history(subject))) == 2 * len(values)
    for value in values:
        for moment, kept in ((FIRST, values[0]), (LAST - TICK, values[0]), (LAST, values[-1])):
            found = state_at(lake, subject, {"k": value}, moment).found
            assert found is not None, (value, moment)
            assert found.row["kept"] == kept
    deleted = [change(200 + n, {"k": value}, LAST, None, op="d") for n, value in enumerate(values)]
    assert merge(lake, subject, 200, *deleted)["deleted"] == len(values)


@pytest.mark.parametrize("type_", [name for name in VALUES if name != "boolean"])
def test_of_many_files_only_those_are_opened_between_whose_bounds_a_key_lies(
    type_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, lake = subject_of(tmp_path, {"k": type_}, "string"), Lake(tmp_path / "lake")
    log = lake.changes(subject)
    for version, value in enumerate(VALUES[type_]):
        row = {**dict.fromkeys(log.schema.names), **change(version, {"k": value}, FIRST, None)}
        append_once(log, write_parts(log, pa.Table.from_pylist([row], schema=log.schema)), writer="l", version=version)
    use_storage_cache(StorageCache())
    opened: list[str] = []

    def noted(file: LiveFile, schema: pa.Schema) -> pa.Table:
        opened.append(file.path)
        return real(file, schema)

    monkeypatch.setattr(key_lookup, "read_whole", noted)
    for value in VALUES[type_]:
        del opened[:]
        assert rows_with_keys(log, pa.array([value], log.schema.field("k").type), ["k"], ["k"])["k"].to_pylist() == [
            value
        ]
        # Bounds have 64 characters and milliseconds at most, so neighbours are not told apart by them.
        assert len(opened) <= {"string": 4, "timestamp": 3}.get(type_, 1)


real = read_whole


def test_keys_whose_parts_read_alike_when_they_are_joined_are_keys_of_their_own(tmp_path: Path) -> None:
    names = {"a": "string", "b": "string", "day": "date", "flag": "boolean", "amount": "decimal(5,2)"}
    subject, lake = subject_of(tmp_path, names, "string"), Lake(tmp_path / "lake")
    pairs = [("a|b", "c"), ("a", "b|c"), ("a\\", "|b"), ("a\\|", "b"), ("", ""), ("", "|"), ("|", ""), ("\\|", "")]
    keys = [
        {"a": a, "b": b, "day": day, "flag": flag, "amount": Decimal(amount)}
        for a, b in pairs
        for day, flag, amount in ((date.min, True, "0.10"), (date.max, False, "-0.10"))
    ]
    for version in range(2):
        done = merge(lake, subject, version, *(change(version * 99 + n, key, OPEN, "x") for n, key in enumerate(keys)))
    assert done["unchanged"] == len(keys)
    assert len(scanned(lake.current(subject))) == len(scanned(lake.history(subject))) == len(keys)
    for key in keys:
        found = state_at(lake, subject, key, LAST).found
        assert found is not None
        assert {name: found.row[name] for name in names} == key


def test_what_ends_on_the_last_day_has_ended_and_what_begins_there_is_open(tmp_path: Path) -> None:
    subject, lake = subject_of(tmp_path, {"k": "int"}, "string"), Lake(tmp_path / "lake")
    merge(lake, subject, 0, change(1, {"k": 1}, FIRST, "a"), change(2, {"k": 1}, OPEN, "b"))
    merge(lake, subject, 1, change(3, {"k": 1}, OPEN + TICK, "c"), change(4, {"k": 2}, FIRST, "a"))
    merge(lake, subject, 2, change(5, {"k": 2}, OPEN, None, op="d"))
    names = ("k", "kept", "valid_from", "valid_to", "is_current", "version")
    told = sorted(tuple(row[name] for name in names) for row in scanned(lake.history(subject)))
    assert told == [
        (1, "a", FIRST, OPEN, False, 1),
        (1, "b", OPEN, OPEN + TICK, False, 2),
        (1, "c", OPEN + TICK, LAST, True, 3),
        (2, "a", FIRST, OPEN, False, 1),
    ]
    shown = [state_at(lake, subject, {"k": 1}, at) for at in (FIRST, OPEN - TICK, OPEN, OPEN + TICK, LAST)]
    assert [answer.found.row["kept"] for answer in shown if answer.found] == ["a", "a", "b", "c", "c"]
    assert state_at(lake, subject, {"k": 2}, OPEN).outcome == "deleted"


def test_the_log_holds_no_more_of_a_long_key_than_delta_would(tmp_path: Path) -> None:
    subject, lake = subject_of(tmp_path, {"k": "string"}, "string"), Lake(tmp_path / "lake")
    keys = [{"k": letter * 10_000} for letter in "aéz"]
    merge(lake, subject, 0, *(change(n, key, FIRST, "x") for n, key in enumerate(keys)))
    (part,) = DeltaTable(lake.current(subject).path).get_add_actions(flatten=True).to_struct_array().to_pylist()
    assert part["min.k"] == "a" * 64
    assert part["max.k"] == "é" * 64 + "\U0010ffff"
