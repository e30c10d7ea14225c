"""A power cut takes the youngest files of Spark's checkpoint: what is planned anew is judged once, nothing is passed over.

Covers: spark_jobs.batch.refine_progress.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from support.duckdb_audit import counts, discrepancies
from support.lakes import Workspace, new_workspace
from support.spark_checkpoints import write_listings, write_note

from spark_jobs.batch.refine_progress import skipped_files, waiting_rows
from spark_jobs.errors import StreamFailedError
from spark_jobs.microbatch import commit as microbatch_commit
from spark_jobs.queries.refine import Refine
from spark_jobs.storage.append import append_once

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

HEADER = "event_id,user_id,event_type,product_id,price,event_time\n"
EVENTS = "ecommerce_events"


def batch(name: str) -> str:
    """Two rows that are accepted, one dead letter: by the verdicts a row that is judged twice would show."""
    rows = [f"{name}1,7,view,11,9.99", f"{name}2,7,view,11,9.99", f"{name}3,7,view,11,-1"]
    return HEADER + "".join(f"{row},2026-01-05T10:00:00Z\n" for row in rows)


def lose(workspace: Workspace, query: str, *names: str) -> None:
    """Remove files of a checkpoint, as a power cut does: ``offsets/-1`` is the youngest of them, ``offsets/*`` are all."""
    checkpoint = workspace.lake.checkpoint(EVENTS, query)
    for name in names:
        folder, _, which = name.rpartition("/")
        paths = sorted(
            (path for path in (checkpoint / folder).glob("[0-9]*")), key=lambda path: int(path.name.split(".")[0])
        )
        for path in [checkpoint / name] if not folder else paths if which == "*" else [paths[int(which)]]:
            path.unlink()
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)


#: What is lost of the checkpoints of refine and of ingest.
LOSSES = [
    ("the plans that were carried out last", "offsets/-1 commits/-1", "offsets/-1 commits/-1"),
    ("the plans, while Spark's own commits are there", "offsets/-1", "offsets/-1"),
    ("the list of the files last handed over", "commits/-1", "sources/0/-1"),
    ("two plans, and all of the file source", "offsets/-1 offsets/-1", "sources/0/-1 offsets/-1 commits/-1"),
    ("the checkpoint's id", "metadata offsets/-1", "metadata commits/-1"),
    ("all plans and all lists", "offsets/* commits/*", "sources/0/*"),
    ("a journal of what is committed", "prepared/-1 commits/-1", "prepared/-1 commits/-1"),
]


def test_whatever_of_a_checkpoint_is_lost_the_next_start_judges_each_row_once(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One lake through all losses, a new file landing after each; also with what is left of the losses before."""
    workspace = new_workspace(tmp_path)
    for number in range(2):
        workspace.drop(f"{number}.csv", batch(f"first-{number}-"))
        workspace.drain(spark)
    files = 2
    for what, refine, ingest in LOSSES:
        lose(workspace, "refine", *refine.split())
        lose(workspace, "ingest", *ingest.split())
        workspace.drop(f"{files}.csv", batch(f"after-{files}-"))
        files += 1
        with caplog.at_level(logging.WARNING, "tallylake.stream"):
            workspace.drain(spark)
        found = counts(workspace.lake.root, EVENTS)
        told = (found["bronze"], found["accepted"], found["duplicates"], found["dead_letters"])
        assert (what, told) == (what, (3 * files, 2 * files, 0, files))
        assert discrepancies(workspace.lake.root, EVENTS) == [], what
        assert "failed" not in caplog.text, what
        assert waiting_rows(workspace.lake, workspace.subject()) == 0, what
    assert "as a power cut can leave it" in caplog.text
    assert workspace.audit(spark).balanced


def test_a_batch_killed_half_committed_whose_plan_is_lost_is_finished_and_the_rest_is_judged(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal outlives Spark's plan, which Spark makes again with more rows; so may the journal of an earlier release."""
    workspace = new_workspace(tmp_path, RETRY_ATTEMPTS="1")
    workspace.drop("0.csv", batch("a"))
    workspace.drain(spark)
    for number, query, table in ((1, "refine", "ops/dead_letters"), (2, "ingest", f"bronze/{EVENTS}")):
        workspace.drop(f"{number}.csv", batch(f"b{number}"))
        with monkeypatch.context() as patch:
            patch.setattr(microbatch_commit, "append_once", _dying(append_once, table))
            with pytest.raises(StreamFailedError):
                workspace.drain(spark)
        _of_an_earlier_release(workspace, query)
        lose(workspace, query, "offsets/-1")
        workspace.drop(f"{number}-more.csv", batch(f"c{number}"))
        workspace.drain(spark)
        files = 1 + 2 * number
        found = counts(workspace.lake.root, EVENTS)
        assert (found["bronze"], found["accepted"], found["dead_letters"]) == (3 * files, 2 * files, files)
        assert discrepancies(workspace.lake.root, EVENTS) == []
    assert workspace.audit(spark).balanced


def _dying(real: Any, wanted: str) -> Any:
    def commit(table: Any, *args: Any, **kwargs: Any) -> Any:
        if real is None or table.name == wanted:
            raise RuntimeError("killed here")
        return real(table, *args, **kwargs)

    return commit


def _of_an_earlier_release(workspace: Workspace, query: str) -> None:
    path = max((workspace.lake.checkpoint(EVENTS, query) / "prepared").glob("*.json"), key=lambda path: int(path.stem))
    plain = json.loads(path.read_text())
    for name in ("read_before", "knows_read_before", "listed_anew"):
        plain["facts"].pop(name, None)
    path.write_text(json.dumps({name: plain[name] for name in ("batch_id", "parts", "facts")}))


def test_the_audit_tells_rows_that_were_passed_over_from_rows_that_wait(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an earlier release left them: Spark's plan goes beyond what the journal of the same number was made of."""
    workspace = new_workspace(tmp_path, RETRY_ATTEMPTS="1")
    workspace.drop("0.csv", batch("a"))
    workspace.drain(spark)
    _of_an_earlier_release(workspace, "refine")
    workspace.drop("1.csv", batch("b"))
    with monkeypatch.context() as patch:
        patch.setattr(Refine, "process_batch", _dying(None, ""))
        with pytest.raises(StreamFailedError):
            workspace.drain(spark)
    waits = workspace.audit(spark)
    assert (waits.balanced, waits.waiting) == (True, 3)
    plans = workspace.lake.checkpoint(EVENTS, "refine") / "offsets"
    (plans / "0").write_text((plans / "1").read_text())
    passed = workspace.audit(spark)
    assert [(finding.what, finding.count) for finding in passed.findings] == [("rows without any verdict", 3)]
    assert passed.waiting == 0


def test_files_that_the_checkpoint_counts_as_landed_and_that_never_were_are_named(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    checkpoint = workspace.lake.checkpoint(EVENTS, "ingest")
    paths = [workspace.landing / EVENTS / name for name in ("a b%.csv", "c.csv", "d.csv")]
    write_listings(checkpoint, {"9.compact": [(paths[0], 3), (paths[1], 9)], "10": [(paths[2], 10)]})
    write_note(checkpoint / "offsets" / "4", {"logOffset": 9})
    write_note(checkpoint / "commits" / "4", {})
    waiting = [f"{EVENTS}/{path.name}" for path in paths]
    assert skipped_files(workspace.lake, workspace.landing, workspace.subject(), waiting) == waiting[:2]
    assert skipped_files(workspace.lake, workspace.landing, workspace.subject(), waiting[2:]) == []
