"""A worker that is killed in the middle of its files fails the batch and leaves nothing; the next attempt lands every row once.

The workers are real processes, without Spark around them: killed is killed, whoever started it.

Covers: spark_jobs.storage.parts_on_disk.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable
from support.ingest_without_spark import Files, ingest_of

from spark_jobs.lake import Lake
from spark_jobs.landing.driver_checks import LandingError
from spark_jobs.queries import ingest as ingest_module
from spark_jobs.storage.attempt import current_attempt
from spark_jobs.storage.parts_on_disk import StorageNotSharedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spark_jobs.queries.ingest import Ingest

WORKER = """
import json, os, pickle, signal, sys
from spark_jobs.storage.attempt import within_attempt
from spark_jobs.storage.part_writer import PartWriter
work, group, mark, is_to_die = pickle.load(sys.stdin.buffer)
close = PartWriter.close
def dying(self):
    close(self)
    os.kill(os.getpid(), signal.SIGKILL)
if is_to_die:
    PartWriter.close = dying
with within_attempt(mark):
    print(json.dumps(work(group)))
"""


def workers(die: set[int]) -> Callable[..., list[dict[str, Any]]]:
    """As ``run_groups``, a process each; those with these numbers are killed once they have written a part."""

    def run_groups(_: object, groups: Sequence[Sequence[Any]], work: object, **__: object) -> list[dict[str, Any]]:
        def run(number: int, group: Sequence[Any]) -> subprocess.CompletedProcess[bytes]:
            task = pickle.dumps((work, group, current_attempt(), number in die))
            path = os.pathsep.join((str(Path(__file__).parents[2]), *sys.path))
            return subprocess.run(
                [sys.executable, "-c", WORKER], input=task, capture_output=True, env={"PYTHONPATH": path}, check=False
            )

        done = [run(number, group) for number, group in enumerate(groups)]
        if dead := [each for each in done if each.returncode]:
            assert {each.returncode for each in dead} == {-signal.SIGKILL}, dead[0].stderr
            raise RuntimeError("Python worker exited unexpectedly (crashed)")
        return [json.loads(each.stdout) for each in done]

    return run_groups


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Ingest, Any]:
    """Two files, each landed by a worker."""
    files = Files.of(tmp_path / "input", {f"{n}.csv": "order_id\n" + f"{n}\n" * 50 for n in range(2)})
    monkeypatch.setattr(ingest_module, "SMALL_BYTES", 0)
    return ingest_of(Lake(tmp_path / "lake"), tmp_path / "input"), files


def parts(root: Path) -> list[Path]:
    return list(root.rglob("part-*.parquet"))


def test_what_it_and_the_others_wrote_is_removed_and_written_again_once(
    batch: tuple[Ingest, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, files = batch
    monkeypatch.setattr(ingest_module, "run_groups", workers(die={1}))
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        ingest.process_batch(files, 0)
    assert parts(tmp_path) == []
    monkeypatch.setattr(ingest_module, "run_groups", elsewhere(dict))
    ingest.process_batch(files, 0)
    bronze = DeltaTable(ingest.lake.bronze(ingest.subject).path).to_pyarrow_table(columns=["row_id", "source"])
    assert (bronze.num_rows, len(set(bronze["row_id"].to_pylist()))) == (100, 100)
    assert len(parts(tmp_path)) == 3  # two of Bronze, one of ops/files


def elsewhere(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., list[dict[str, Any]]]:
    """Workers of another host: their answers are changed."""

    def run_groups(_: object, groups: Sequence[Sequence[Any]], work: Any, **__: object) -> list[dict[str, Any]]:
        return [change(work(group)) for group in groups]

    return run_groups


def test_a_worker_that_does_not_see_a_file_fails_the_batch(
    batch: tuple[Ingest, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, files = batch

    def unseen(answer: dict[str, Any]) -> dict[str, Any]:
        return {"parts": [], "landed": [{**one, "rows": 0, "status": "vanished"} for one in answer["landed"]]}

    monkeypatch.setattr(ingest_module, "run_groups", elsewhere(unseen))
    with pytest.raises(LandingError, match="it is there for the driver: LANDING_ROOT must be storage"):
        ingest.process_batch(files, 0)
    assert parts(tmp_path) == []
    assert not ingest.lake.checkpoint(ingest.subject.name, "ingest").joinpath("prepared").exists()


def test_a_part_that_the_driver_does_not_see_fails_the_batch(
    batch: tuple[Ingest, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, files = batch

    def local(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "parts": [{**part, "path": f"elsewhere/{part['path']}"} for part in answer["parts"]]}

    monkeypatch.setattr(ingest_module, "run_groups", elsewhere(local))
    with pytest.raises(StorageNotSharedError, match=r"for the driver it is not there: LAKE_ROOT must be storage"):
        ingest.process_batch(files, 0)


def test_a_landing_folder_that_is_away_fails_the_batch(
    batch: tuple[Ingest, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, files = batch
    monkeypatch.setattr(ingest_module, "run_groups", elsewhere(dict))
    (tmp_path / "input").rename(tmp_path / "away")
    with pytest.raises(LandingError, match=r"the landing folder .* is gone, with 2 files"):
        ingest.process_batch(files, 0)
    (tmp_path / "away").rename(tmp_path / "input")
    ingest.process_batch(files, 0)
    assert DeltaTable(ingest.lake.files.path).to_pyarrow_table()["status"].to_pylist() == ["landed", "landed"]
