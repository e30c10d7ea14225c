"""Keys of every type and at their edges, and days that Postgres does not hold: all of it comes, and none of it stops a table.

Covers csv_rows, ddl and upsert.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support.lakes import new_workspace
from support.published_lake import PublishedLake, fetch

from spark_jobs.publish import csv_rows
from spark_jobs.publish.transaction import publish_version
from spark_jobs.schemas import TIMESTAMP

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection

CONTRACT = """
subject: edges
version: 1
kind: changes
doc: A key of every type.
key: [name, other, amount, day, at, flag, number]
event_time: event_ts
sequence_by: seq
entity: edge
tracked: [note]
fields:
  name:   {type: string, required: true}
  other:  {type: string, required: true, max_length: 500}
  amount: {type: "decimal(38,10)", required: true}
  day:    {type: date, required: true}
  at:     {type: timestamp, required: true}
  flag:   {type: boolean, required: true}
  number: {type: bigint, required: true}
  note:   {type: string}
"""
LONG = "é" * 9_999
NAMES = (
    *(LONG + "a", LONG + "b", "A", "\\x41", "\\101", "\\\\x41", "a|b", "a", "b", "", " ", "'", '"'),
    *("a\0b", "a\\x00b", "a\\x5cx00b", "a\\x5cx5cx00b", "\\\0", "\\\\x00"),
)
FIRST = {
    "amount": Decimal("-9999999999999999999999999999.9999999999"),
    "day": date.min,
    "at": datetime.min.replace(tzinfo=UTC),
    "flag": False,
    "number": -(2**63),
}
LAST = {
    "amount": Decimal("9999999999999999999999999999.9999999999"),
    "day": date.max,
    "at": datetime.max.replace(tzinfo=UTC),
    "flag": True,
    "number": 2**63 - 1,
}
EDGES = [FIRST, LAST, *({**FIRST, name: LAST[name]} for name in FIRST)]


@pytest.fixture
def edges(tmp_path: Path, postgres: Connection) -> PublishedLake:
    folder = tmp_path / "contracts" / "edges"
    folder.mkdir(parents=True)
    (folder / "v1.yaml").write_text(CONTRACT, encoding="utf-8")
    made = PublishedLake(new_workspace(tmp_path, folder.parent))
    made.prepare(postgres)
    return made


def row(place: int, name: str, other: str, **key: Any) -> dict[str, Any]:
    origin = {"_deleted": False, "_sequence": 1, "_change_id": "c", "_event_time": FIRST["at"], "row_id": f"r{place}"}
    return {"name": name, "other": other, **FIRST, **key, **origin, "note": str(place), "batch_id": place}


def test_keys_that_differ_in_whatever_are_as_many_rows_and_each_is_found_again(
    edges: PublishedLake, postgres: Connection
) -> None:
    keys = [(name, "x" * 500, edge) for edge in EDGES for name in NAMES]
    keys += [("a", "b|", FIRST), ("a|", "b", FIRST), ("a|b", "", FIRST), ("", "a|b", FIRST)]
    edges.put("silver/edges", *(row(n, name, other, **edge) for n, (name, other, edge) in enumerate(keys)))
    publish_version(postgres, edges.targets["silver/edges"], edges.snapshot("silver/edges"))
    count = "SELECT count(*), count(DISTINCT (name, other, amount, day, at, flag, number)) FROM edges"
    assert fetch(postgres, count) == [(len(keys), len(keys))]
    edges.put("silver/edges", row(999, LONG + "a", "x" * 500))
    publish_version(postgres, edges.targets["silver/edges"], edges.snapshot("silver/edges"))
    assert fetch(postgres, count) == [(len(keys), len(keys))]
    assert fetch(postgres, "SELECT note FROM edges WHERE name = %s AND amount < 0", LONG + "a").count("999") == 1
    whole = "SELECT amount, day, at, flag, number FROM edges WHERE name = 'A' ORDER BY length(note), note"
    expected = [tuple(edge[name] for name in FIRST) for edge in EDGES]
    assert fetch(postgres, whole) == expected


def test_a_day_that_postgres_does_not_hold_is_beyond_all_others_there() -> None:
    days = pa.array([2**31 - 1, -(2**31), 11_248_737, None, 0], pa.int32()).cast(pa.date32())
    times = pa.array([2**63 - 1, -(2**63), 11_248_738 * 86_400_000_000 - 1, None, 0], pa.int64()).cast(TIMESTAMP)
    lines = csv_rows.csv_bytes(pa.table({"day": days, "at": times})).decode().splitlines()
    assert lines[:2] == ['"infinity","infinity"', '"-infinity","-infinity"']
    assert lines[2] == '"32767-12-31","32767-12-31 23:59:59.999999Z"'
    assert lines[3:] == [",", '"1970-01-01","1970-01-01 00:00:00.000000Z"']
