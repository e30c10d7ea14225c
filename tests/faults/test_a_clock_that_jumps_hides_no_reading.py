"""Checkpoints are lost, the clock jumps, tables are compacted: who has read and judged a row before is known all the same."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from support.duckdb_audit import discrepancies
from support.lakes import Workspace, new_workspace

from spark_jobs.microbatch import commit as microbatch_commit
from spark_jobs.queries import books as books_module
from spark_jobs.queries import ingest_ledger
from spark_jobs.queries.duplicates import DuplicateFinder, earlier_query_until
from spark_jobs.queries.ingest import Ingest
from spark_jobs.queries.verdicts import have_verdicts
from spark_jobs.schemas import TIMESTAMP
from spark_jobs.storage.append import append_once
from spark_jobs.storage.checkpoint import write_checkpoint
from spark_jobs.storage.table_writer import write_parts
from spark_jobs.storage.writers import Writers

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVENTS = "ecommerce_events"
HEADER = "event_id,user_id,event_type,product_id,price,event_time\n"
GOOD, BAD = "e1,7,view,11,9.99,2026-01-05T10:00:00Z\n", "e2,7,view,11,-1,2026-01-05T10:00:00Z\n"
AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86400.0
FAR = datetime(2426, 1, 5, tzinfo=UTC).timestamp()


@dataclass
class Landed:
    """Ingest without Spark: what its batches do, under a clock that is told."""

    workspace: Workspace
    patch: pytest.MonkeyPatch
    ingest: Ingest = field(init=False)
    batches: int = 0

    def __post_init__(self) -> None:
        self.begin("first")

    def begin(self, query: str) -> None:
        """A new query, as after its checkpoint was deleted; the same one again where its name is the same."""
        checkpoint = self.workspace.lake.checkpoint(EVENTS, "ingest")
        if query != "first":
            shutil.rmtree(checkpoint)
        checkpoint.mkdir(parents=True)
        (checkpoint / "metadata").write_text(json.dumps({"id": query}))
        self.start()

    def start(self) -> None:
        self.ingest = Ingest(self.workspace.lake, self.workspace.subject(), self.workspace.landing, lambda _: None)

    def __call__(self, batch: int, at: float, *names: str) -> None:
        self.patch.setattr(ingest_ledger, "time", SimpleNamespace(time=lambda: at))
        found = [(self.workspace.landing / EVENTS / name) for name in names]
        rows = [
            SimpleNamespace(path=f"file:{path}", modificationTime=datetime.now(UTC), length=path.stat().st_size)
            for path in found
        ]
        self.ingest.process_batch(SimpleNamespace(collect=lambda: rows, sparkSession=None), batch)  # type: ignore[arg-type]

    def readings(self) -> list[dict[str, Any]]:
        """The lines of ops/files in the order of their readings."""
        return sorted(self.workspace.rows(self.workspace.lake.files), key=lambda row: row["ingested_at"])

    def rows(self) -> pa.Table:
        """Bronze as a batch whose rows are all refused."""
        held = DeltaTable(self.workspace.lake.bronze(self.workspace.subject()).path).to_pyarrow_table()
        size = held.num_rows
        narrow = held.select(["row_id", "source", "ingested_at", "source_position"])
        narrow = narrow.append_column("_key", pa.nulls(size, pa.string())).append_column(
            "_event_time", pa.nulls(size, TIMESTAMP)
        )
        return narrow.append_column("_valid", pa.repeat(False, size))


def refuse(workspace: Workspace, rows: pa.Table, query: str) -> None:
    """Dead letters of these rows."""
    letters = rows.select(["row_id", "source", "ingested_at"]).append_column(
        "query_id", pa.repeat(query, rows.num_rows)
    )
    schema = workspace.lake.dead_letters.data_schema
    columns = [
        letters[name] if name in letters.column_names else pa.nulls(rows.num_rows, schema.field(name).type)
        for name in schema.names
    ]
    parts = write_parts(workspace.lake.dead_letters, pa.table(columns, schema=schema), subject=EVENTS)
    append_once(workspace.lake.dead_letters, parts, writer=f"{query}:ops/dead_letters", version=0)


def accept(workspace: Workspace, rows: pa.Table, key: str) -> None:
    """The rows as accepted events."""
    table = workspace.lake.events(workspace.subject())
    told = {"event_id": key, "event_time": AT, "event_date": AT.date(), "query_id": "refine", "batch_id": 0}
    made = [{**dict.fromkeys(table.schema.names), **told, "row_id": row_id} for row_id in rows["row_id"].to_pylist()]
    parts = write_parts(table, pa.Table.from_pylist(made, schema=table.schema))
    append_once(table, parts, writer=f"refine:{table.name}", version=0)


@pytest.fixture
def landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landed:
    workspace = new_workspace(tmp_path)
    for name in "abcd":
        workspace.drop(f"{name}.csv", HEADER + BAD)
    return Landed(workspace, monkeypatch)


def compact(*tables: str) -> None:
    for path in tables:
        DeltaTable(path).optimize.compact()


@pytest.mark.parametrize("jump", [-HOUR, DAY])
def test_readings_ascend_whatever_the_clock_does_and_whoever_compacts(landed: Landed, jump: float) -> None:
    landed(0, NOON, "a.csv")
    landed(1, NOON + jump, "b.csv")
    landed.start()
    landed(2, NOON, "c.csv")
    compact(landed.workspace.lake.files.path, landed.workspace.lake.bronze(landed.workspace.subject()).path)
    landed.start()
    landed(3, NOON - jump, "d.csv")
    assert [row["source"][-5:] for row in landed.readings()] == ["a.csv", "b.csv", "c.csv", "d.csv"]
    assert len({row["ingested_at"] for row in landed.readings()}) == 4


@pytest.mark.parametrize("jump", [-HOUR, DAY])
def test_a_file_that_is_landed_again_while_the_stream_runs_is_known_to_have_been_judged(
    landed: Landed, jump: float
) -> None:
    """Refine has asked before, when there had been one reading; then the file's second reading comes."""
    workspace = landed.workspace
    landed(0, NOON, "a.csv", "b.csv")
    first = landed.rows()
    refuse(workspace, first, "refine")
    repeated = DuplicateFinder(workspace.lake, workspace.subject(), False)
    assert len(repeated.find(first, None, None)) == 0
    compact(workspace.lake.files.path)
    landed.begin("second")
    landed(0, NOON + jump, "a.csv")
    compact(workspace.lake.files.path)
    again = landed.rows().filter(pc.greater(landed.rows()["ingested_at"], pc.max(first["ingested_at"])))
    assert again.num_rows == 1
    assert repeated.find(again, None, None).first_row_ids.to_pylist() == again["row_id"].to_pylist()
    landed(1, NOON, "c.csv")
    only_new = landed.rows().filter(pc.equal(landed.rows()["source"], f"{EVENTS}/c.csv"))
    assert len(repeated.find(only_new, None, None)) == 0


def test_a_good_row_that_is_read_again_is_known_though_a_newer_version_migrates_its_key_to_another(
    landed: Landed,
) -> None:
    workspace = landed.workspace
    landed(0, NOON, "a.csv")
    accept(workspace, landed.rows(), key="e2")
    landed.begin("second")
    landed(0, NOON + HOUR, "a.csv")
    again = landed.rows().sort_by("ingested_at").slice(1)
    for name, value in (("_key", "E2"), ("_event_time", AT), ("_valid", True)):
        place = again.schema.get_field_index(name)
        again = again.set_column(place, name, pa.array([value], again.schema.field(name).type))
    found = DuplicateFinder(workspace.lake, workspace.subject(), False).find(again, None, None)
    assert found.first_row_ids.to_pylist() == again["row_id"].to_pylist()


def test_whoever_sees_a_row_of_a_second_reading_sees_both_lines_of_its_file(landed: Landed) -> None:
    """Killed between the two commits of a batch: the rows are never there without the line that tells of them."""
    landed(0, NOON, "a.csv")
    landed.begin("second")
    real, seen = append_once, []

    def watched(table: Any, *args: Any, **kwargs: Any) -> bool:
        made = real(table, *args, **kwargs)
        seen.append((landed.rows().num_rows, len(landed.readings())))
        return made

    landed.patch.setattr(microbatch_commit, "append_once", watched)
    landed(0, NOON, "a.csv")
    assert seen == [(1, 2), (2, 2)]


def test_a_new_query_looks_up_what_landed_before_it_and_an_empty_batch_asks_nothing(landed: Landed) -> None:
    workspace = landed.workspace
    landed(0, NOON + DAY, "a.csv")
    assert earlier_query_until(workspace.lake, workspace.subject()) is None
    refuse(workspace, landed.rows(), "an earlier one")
    before = earlier_query_until(workspace.lake, workspace.subject())
    assert before == pc.max(landed.rows()["ingested_at"]).as_py()
    landed(1, NOON, "b.csv")
    repeated = DuplicateFinder(workspace.lake, workspace.subject(), False)
    assert repeated.find(landed.rows(), None, before).first_row_ids.to_pylist() == [
        row["row_id"] for row in landed.rows().sort_by("ingested_at").to_pylist()[:1]
    ]
    assert len(repeated.find(landed.rows().slice(0, 0), None, before)) == 0
    later = landed.rows().filter(pc.greater(landed.rows()["ingested_at"], pa.scalar(before, TIMESTAMP)))
    shutil.rmtree(workspace.lake.dead_letters.path)
    assert len(repeated.find(later, None, before)) == 0


def test_who_has_landed_files_is_known_from_the_log_and_its_checkpoint_also_once_entries_are_cleaned_away(
    landed: Landed,
) -> None:
    bronze = landed.workspace.lake.bronze(landed.workspace.subject()).path
    landed(0, NOON, "a.csv")
    early = Writers(bronze)
    assert early.queries() == {"first"}
    landed.begin("second")
    landed(0, NOON, "b.csv")
    write_checkpoint(bronze, clean=False)
    assert Writers(bronze).queries() == early.queries() == {"first", "second"}
    landed.begin("third")
    landed(0, NOON, "c.csv")
    write_checkpoint(bronze, clean=False)
    for entry in Path(bronze).glob("_delta_log/0*.json"):
        entry.unlink()
    assert Writers(bronze).queries() == early.queries() == {"first", "second", "third"}


def test_of_copies_of_a_row_as_many_have_a_verdict_as_were_given(landed: Landed) -> None:
    workspace = landed.workspace
    landed(0, NOON, "a.csv", "b.csv")
    refuse(workspace, landed.rows(), "own")
    refuse(workspace, landed.rows(), "another")
    landed.begin("second")
    landed(0, NOON - HOUR, "a.csv", "c.csv")
    rows = landed.rows().sort_by("ingested_at")
    assert rows["source"].to_pylist() == [f"{EVENTS}/{name}.csv" for name in "abac"]
    assert have_verdicts(workspace.lake, workspace.subject(), "own", rows).to_pylist() == [True, True, False, False]
    assert have_verdicts(workspace.lake, workspace.subject(), "own", rows.slice(2)).to_pylist() == [False, False]
    assert have_verdicts(workspace.lake, workspace.subject(), "nobody", rows).to_pylist() == [False] * 4
    assert have_verdicts(workspace.lake, workspace.subject(), "own", rows.slice(0, 0)).to_pylist() == []


def test_lost_checkpoints_a_clock_that_is_set_back_and_compactions_make_no_second_dead_letter(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is judged is judged an hour before it was landed, by the clock; batches without a row come in between."""
    workspace = new_workspace(tmp_path, RETRY_ATTEMPTS="1")
    monkeypatch.setattr(books_module, "datetime", _HourBehind)
    first = workspace.drop("a.csv", HEADER + GOOD + BAD)
    os.utime(first, (FAR, FAR))  # and its clock was four centuries ahead: what comes is not too old for that
    workspace.drain(spark)
    compact(workspace.lake.batch_quality.path, workspace.lake.files.path)
    shutil.rmtree(workspace.lake.checkpoint(EVENTS, "refine"))
    (reread,) = workspace.drain(spark)
    assert (reread.duplicate, reread.dead_letter) == (2, 0)
    bronze = workspace.lake.bronze(workspace.subject()).path
    workspace.drop("b.csv", HEADER + GOOD.replace("e1", "e3"))
    workspace.drain(spark)
    compact(bronze)
    DeltaTable(bronze).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    workspace.drain(spark)
    compact(workspace.lake.batch_quality.path, workspace.lake.files.path)
    shutil.rmtree(workspace.lake.checkpoint(EVENTS, "ingest"))
    (relanded,) = workspace.drain(spark)
    assert (relanded.rows_read, relanded.duplicate) == (3, 3)
    # the rows of a.csv were read by two queries, that of b.csv by one: how often each was judged is for the audit
    found = discrepancies(workspace.lake.root, EVENTS, readings=2)
    assert [one for one in found if not one.startswith("judged otherwise")] == []
    assert workspace.audit(spark).balanced


class _HourBehind(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.fromtimestamp(time.time() - HOUR, tz)
