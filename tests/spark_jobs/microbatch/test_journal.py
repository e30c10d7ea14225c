"""The journal gives back what was prepared, survives a kill, and reads what earlier releases wrote."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from spark_jobs.microbatch.journal import Facts, Journal, JournalError, PreparedBatch, read_batch
from spark_jobs.microbatch.offsets import SourceRange
from spark_jobs.microbatch.spark_notes import query_id
from spark_jobs.queries.books import RefineFacts
from spark_jobs.queries.ingest import IngestFacts
from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.parts import Part
from spark_jobs.storage.table import Table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = pa.schema([("row_id", pa.string()), ("n", pa.int64()), ("at", TIMESTAMP), ("day", pa.date32())])
NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)
FIRST = date(2026, 1, 29)


def table_at(root: Path) -> Table:
    return Table("ops/x", str(root / "x"), SCHEMA, ("day",), ("n", "at", "row_id"))


def rows(*days: date) -> pa.Table:
    return pa.Table.from_pylist(
        [{"row_id": f"r{n}", "n": n, "at": NOON, "day": day} for n, day in enumerate(days)], schema=SCHEMA
    )


@dataclass(frozen=True, slots=True)
class Noted(Facts):
    rows_read: int
    note: str


def test_the_journal_gives_back_what_was_saved_and_forgets_the_old(tmp_path: Path) -> None:
    journal = Journal(tmp_path, Noted)
    written = tuple(write_parts(table_at(tmp_path), rows(FIRST, FIRST)))
    for batch in (0, 1, 5, 6):
        journal.save(PreparedBatch(batch, written, Noted(2, "ä")))
    assert journal.load(6) == PreparedBatch(6, written, Noted(2, "ä"))
    assert [journal.load(batch) is not None for batch in (0, 1, 4, 5, 6)] == [False, False, False, True, True]
    assert [journal.load(6).rows(name) for name in ("ops/x", "ops/y")] == [2, 0]  # type: ignore[union-attr]


KILLED = """
import json, os, signal, sys
from pathlib import Path
from spark_jobs.microbatch.journal import Facts, Journal, PreparedBatch
moment = sys.argv[2]
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if moment == "writing":
    json.dump = lambda plain, file: (file.write('{"batch_id": 3, "pa'), file.flush(), die())
else:
    Path.replace = die
Journal(Path(sys.argv[1]), Facts).save(PreparedBatch(3, (), Facts()))
"""


@pytest.mark.parametrize("moment", ["writing", "renaming"])
def test_a_journal_file_killed_before_its_name_is_not_loaded(tmp_path: Path, moment: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == [".3.json.tmp"]
    assert Journal(tmp_path, Noted).load(3) is None
    Journal(tmp_path, Noted).save(PreparedBatch(3, (), Noted(1, "again")))
    assert Journal(tmp_path, Noted).load(3) == PreparedBatch(3, (), Noted(1, "again"))


def test_parts_that_vanished_or_were_cut_are_named_but_only_of_tables_that_are_asked_for(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    whole, lost, cut = (write_parts(table, rows(FIRST))[0] for _ in range(3))
    prepared = PreparedBatch(0, (whole, lost, cut), Facts())
    assert prepared.lost_parts({table.name: table.path}) == []
    (Path(table.path) / lost.path).unlink()
    (Path(table.path) / cut.path).write_bytes(b"PAR1")
    assert prepared.lost_parts({table.name: table.path}) == [f"ops/x: {lost.path}", f"ops/x: {cut.path}"]
    assert prepared.lost_parts({}) == []


def test_the_query_id_is_the_one_that_spark_gave_the_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text('{"id":"0f-1"}')
    assert query_id(tmp_path) == "0f-1"


PART = {"table": "t", "path": "part-1.parquet", "size": 7, "rows": 2, "partition": {}, "stats": "{}", "modified_ms": 1}
MADE_OF = {"batch": 4, "since": {"index": 1}, "until": {"index": 2}, "files": ""}
OF_REFINE = {
    "rows_read": 2, "input_files": 1, "late": 0, "control": 0, "reasons": {}, "min_event_time": None, "max_event_time": 5,
    "watermark": None, "started_at": 7, "seconds": 0.5, "steps": {"judge": 0.25}, "contract_fingerprint": "f",
}  # fmt: skip


def of_an_earlier_release(path: Path, facts: Mapping[str, object]) -> Path:
    path.write_text(json.dumps({"batch_id": 4, "parts": [PART], "facts": facts}))
    return path


def test_journals_of_earlier_releases_are_read(tmp_path: Path) -> None:
    """Before format 2 a query's journal had writer, source and deleted keys among its facts, and older ones had none of them."""
    path, parts = tmp_path / "4.json", (Part.from_json(PART),)
    newer = {"effects": {"inserted": 2}, "gone": {"t": [9]}, "query_id": "q", "made_of": MADE_OF, "read_before": None}
    whole = RefineFacts(**OF_REFINE, effects={"inserted": 2}, knows_earlier_query=True)  # type: ignore[arg-type]
    made_of = SourceRange.from_json(MADE_OF)
    expected = PreparedBatch(4, parts, whole, "q", made_of, {"t": (9,)})
    assert read_batch(of_an_earlier_release(path, OF_REFINE | newer), RefineFacts) == expected
    bare = RefineFacts(**OF_REFINE)  # type: ignore[arg-type]
    assert read_batch(of_an_earlier_release(path, OF_REFINE), RefineFacts) == PreparedBatch(4, parts, bare)
    counts = {"files": 1, "rows": 2, "unreadable": 0}
    landed = PreparedBatch(4, parts, IngestFacts(1, 2, 0, listed_anew=True), "q", made_of)
    facts = counts | {"query_id": "q", "made_of": MADE_OF, "listed_anew": True}
    assert read_batch(of_an_earlier_release(path, facts), IngestFacts) == landed
    assert read_batch(of_an_earlier_release(path, counts), IngestFacts) == PreparedBatch(4, parts, IngestFacts(1, 2, 0))


def test_a_batch_comes_back_from_its_plain_form_and_says_its_format(tmp_path: Path) -> None:
    made_of = SourceRange(4, None, {"logOffset": 3}, "digest")
    facts = RefineFacts(**OF_REFINE, earlier_query_until=3, knows_earlier_query=True)  # type: ignore[arg-type]
    batch = PreparedBatch(4, (Part.from_json(PART),), facts, "q", made_of, {"t": (9, 8), "u": ("a", "b")})
    plain = json.loads(json.dumps(batch.to_json()))
    assert plain["format"] == 2
    assert PreparedBatch.from_json(plain, RefineFacts) == batch


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", '{"format": 2}', '{"batch_id": 4, "parts": [], "facts": {"files": 1}}']
)
def test_a_journal_that_is_no_whole_batch_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "4.json").write_text(text)
    with pytest.raises(JournalError, match=r"4\.json is cut off"):
        read_batch(tmp_path / "4.json", IngestFacts)
