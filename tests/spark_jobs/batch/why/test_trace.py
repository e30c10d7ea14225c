"""tally why finds a row by its key in any spelling, in all its parts and under the names of any version; no Spark.

Covers why/trace and rows.

Covers: spark_jobs.batch.why.rows, spark_jobs.cli.why, spark_jobs.render.why.
"""

from __future__ import annotations

import csv
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support.lakes import Workspace, new_workspace

from spark_jobs.batch.why.rows import MOST
from spark_jobs.batch.why.trace import trace_rows
from spark_jobs.cli.app import main
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.storage.table import Table

CASES = Path(__file__).parents[3] / "cases" / "keys"
LANDED = datetime(2026, 3, 2, 12, tzinfo=UTC)
METERS = """subject: meters
version: 1
kind: events
key: [meter, read_at, price]
event_time: read_at
fields:
  meter: {type: bigint, required: true}
  read_at: {type: timestamp, required: true}
  price: {type: "decimal(8,2)", required: true}
"""
MOVED = """subject: meters
version: 2
kind: events
compatibility: none
key: [id]
event_time: read_at
fields:
  id: {type: string, required: true}
  read_at: {type: timestamp, required: true}
migrate:
  id: "concat(meter, '/', price)"
"""


def written(table: Table, rows: Sequence[dict[str, Any]], subject: str | None = None) -> None:
    ensure_table(table)
    parts = write_parts(
        table, pa.Table.from_pylist(list(rows), schema=table.schema), **({"subject": subject} if subject else {})
    )
    append_once(table, parts, writer="test", version=0)


def landed(workspace: Workspace, subject: str, rows: Sequence[dict[str, str]], file: str = "1.csv") -> None:
    """Bronze rows whose ids are their places in the file; fields that no version knows go to the rest."""
    known = workspace.subject(subject).known_fields
    made = [
        {name: text for name, text in row.items() if name in known}
        | {"payload_rest": [each for each in row.items() if each[0] not in known] or None}
        | {"row_id": f"{subject}-{place}", "source": f"{subject}/{file}", "source_position": place}
        | {"ingested_at": LANDED, "ingest_date": LANDED.date()}
        for place, row in enumerate(rows, 1)
    ]
    written(workspace.lake.bronze(workspace.subject(subject)), made)


def accepted(workspace: Workspace, subject: str, rows: Sequence[dict[str, Any]]) -> None:
    meta = {"event_date": LANDED.date(), "late_arrival_flag": False, "query_id": "q", "batch_id": 0}
    written(workspace.lake.accepted(workspace.subject(subject)), [meta | row for row in rows])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The rows of the cases as they are judged, and meters, of which the first two rows are not judged yet."""
    root = tmp_path_factory.mktemp("why")
    shutil.copytree(CASES / "contracts", root / "contracts")
    (root / "contracts" / "meters").mkdir()
    for number, text in enumerate((METERS, MOVED), 1):
        (root / "contracts" / "meters" / f"v{number}.yaml").write_text(text)
    made = new_workspace(root, root / "contracts")
    for subject in ("basket_lines", "parcels"):
        rows = list(csv.DictReader((CASES / "input" / subject / "1.csv").read_text().splitlines()))
        landed(made, subject, rows)
    baskets = [{"session": session, "product": "P-9", "at": LANDED, "schema_version": 1} for session in ("S-1", "a|b")]
    accepted(
        made, "basket_lines", [row | {"row_id": f"basket_lines-{at}"} for row, at in zip(baskets, (1, 3), strict=True)]
    )
    repeat = {"row_id": "basket_lines-2", "key": "S-1|P-9", "first_row_id": "basket_lines-1", "batch_id": 0}
    written(made.lake.duplicates, [repeat], "basket_lines")
    accepted(made, "parcels", [{"parcel_no": 7, "at": LANDED, "row_id": "parcels-1", "schema_version": 1}])
    meters = [
        {"meter": "+042", "read_at": "2026-03-01 14:00:00.000+0200", "price": "1.5"},
        {"meter": "42", "read_at": "2026-03-01T13:00Z", "price": "1.50"},
        {"meter": "9", "read_at": "2026-03-01T12:00Z", "price": "3.00"},
    ]
    landed(made, "meters", meters)
    accepted(made, "meters", [{"id": "9/3.00", "read_at": LANDED, "row_id": "meters-3", "schema_version": 1}])
    return made


ASKED = {
    "all parts of a key, of a row and its repeat": ("S-1|P-9", ["basket_lines-1", "basket_lines-2"]),
    "a part with the sign that joins them": (r"a\|b|P-9", ["basket_lines-3"]),
    "that sign alone splits": ("a|b|P-9", []),
    "one part is no key": ("S-1", []),
    "a number without its zeros, under an older name": ("7", ["parcels-1"]),
    "as it came": ("007", ["parcels-1"]),
    "another number": ("70", []),
    "a number, a time and money in other forms": ("42|2026-03-01T12:00:00Z|1.500", ["meters-1"]),
    "a time as the lake writes keys": (f"42|{int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())}000000|1.50", ["meters-1"]),
    "what migration made of three parts": ("9/3.00", ["meters-3"]),
    "those three parts": ("9|2026-03-01 12:00|3", ["meters-3"]),
    "a row id": ("meters-2", ["meters-2"]),
    "a place": ("basket_lines/1.csv:2", ["basket_lines-2"]),
    "a place that cannot be": (f"basket_lines/1.csv:{'9' * 40}", []),
    "a digit that is none": ("basket_lines/1.csv:²", []),
    "nothing": ("", []),
}  # fmt: skip


@pytest.mark.parametrize(("wanted", "row_ids"), ASKED.values(), ids=ASKED.keys())
def test_a_row_is_found_by_its_key_however_it_is_spelled(workspace: Workspace, wanted: str, row_ids: list[str]) -> None:
    told = [
        story
        for subject in workspace.registry.subjects.values()
        for story in trace_rows(workspace.lake, subject, wanted)
    ]
    assert [story.row_id for story in told] == row_ids


def test_a_story_names_the_key_as_it_came_so_that_it_can_be_asked_for_again(workspace: Workspace) -> None:
    stories = {
        story.row_id: story
        for name in ("basket_lines", "parcels", "meters")
        for place in (1, 2, 3)
        for story in trace_rows(workspace.lake, workspace.subject(name), f"{name}-{place}")
    }
    assert {row_id: (story.key, story.verdict.split(":")[0]) for row_id, story in stories.items()} == {
        "basket_lines-1": ("S-1|P-9", "accepted"),
        "basket_lines-2": ("S-1|P-9", "duplicate"),
        "basket_lines-3": (r"a\|b|P-9", "accepted"),
        "parcels-1": ("007", "accepted"),
        "meters-1": ("+042|2026-03-01 14:00:00.000+0200|1.5", "waiting"),
        "meters-2": ("42|2026-03-01T13:00Z|1.50", "waiting"),
        "meters-3": ("9|2026-03-01T12:00Z|3.00", "accepted"),
    }
    assert stories["parcels-1"].row is not None
    assert stories["parcels-1"].row["parcel_no"] == 7


def test_a_field_that_became_a_column_after_the_table_was_made_is_found_in_older_rows(
    workspace: Workspace, tmp_path: Path
) -> None:
    contracts = tmp_path / "contracts"
    shutil.copytree(CASES / "contracts" / "parcels", contracts / "parcels")
    (contracts / "parcels" / "v2.yaml").unlink()
    older = new_workspace(tmp_path, contracts)
    landed(older, "parcels", [{"parcel_no": "07", "at": "soon"}])
    newer = new_workspace(tmp_path, CASES / "contracts")
    subject = newer.subject("parcels")
    ensure_table(newer.lake.bronze(subject))
    assert [story.row_id for story in trace_rows(newer.lake, subject, "7")] == ["parcels-1"]


def test_of_a_key_that_came_often_the_first_rows_are_told(tmp_path: Path) -> None:
    made = new_workspace(tmp_path, CASES / "contracts")
    landed(made, "parcels", [{"parcel": "7", "at": ""}] * (2 * MOST))
    told = trace_rows(made.lake, made.subject("parcels"), "7")
    assert [story.position for story in told] == list(range(1, MOST + 1))


def test_the_command_finds_them_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAKE_ROOT", str(workspace.settings.lake.root))
    monkeypatch.setenv("CONTRACTS_ROOT", str(workspace.root / "contracts"))
    codes, counts = [], []
    for key in ("S-1|P-9", r"a\|b|P-9", "7", "basket_lines/1.csv:2", "none of these"):
        with pytest.raises(SystemExit) as ended:
            main(["why", key, "--json"])
        codes.append(ended.value.code)
        counts.append(len(json.loads(capsys.readouterr().out)))
    assert (codes, counts) == ([0, 0, 0, 0, 1], [2, 1, 1, 1, 0])
