"""A full disk fails a batch with a sentence, leaves nothing of it, and the same batch lands once there is room.

Room is given page by page, so the disk is full at every write in turn: a part, a folder, the journal, each table's log entry.

Covers: spark_jobs.storage.attempt.
"""

from __future__ import annotations

import errno
import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from deltalake import DeltaTable
from support.duckdb_audit import discrepancies
from support.ingest_without_spark import Files, ingest_of
from support.lakes import new_workspace
from support.small_disk import small_disk
from support.tables_with_a_key import named, put, rows, scanned, table_with_a_key

from spark_jobs.errors import TallyError
from spark_jobs.lake import Lake
from spark_jobs.microbatch.staging import Staging
from spark_jobs.queries.application import Application, Listener
from spark_jobs.queries.books import Books
from spark_jobs.storage.attempt import attempt, current_attempt, within_attempt
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import DataFrame, SparkSession
    from support.small_disk import Disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", "2m") as made:
        yield made


def parts_of(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.suffix in (".parquet", ".bin", ".tmp")}


def test_landing_goes_on_by_itself_whichever_write_found_no_room(tmp_path: Path, disk: Disk) -> None:
    landing, lake = tmp_path / "input", Lake(disk.root / "lake")
    files = Files.of(landing, {f"{n}.csv": "order_id,amount\n" + f"{n},1\n" * 50 for n in range(3)})
    ingest = ingest_of(lake, landing)
    journal = lake.checkpoint(ingest.subject.name, "ingest") / "prepared" / "0.json"
    before, after = 0, 0  # pages given in vain before and after the journal named the parts
    while True:
        disk.leave(after if journal.exists() else before)
        if failure_of(lambda: ingest.process_batch(files, 0)) is None:
            break
        before, after = before + (not journal.exists()), after + journal.exists()
        assert journal.exists() or not parts_of(lake.root), "an attempt that failed left its parts"
    assert (before > 2, after > 1) == (True, True)
    disk.free()
    ingest.process_batch(files, 0)
    bronze = DeltaTable(lake.bronze(ingest.subject).path).to_pyarrow_table(columns=["row_id"])
    assert (bronze.num_rows, len(set(bronze["row_id"].to_pylist()))) == (150, 150)
    assert DeltaTable(lake.files.path).to_pyarrow_table()["rows"].to_pylist() == [50, 50, 50]


def test_rows_are_replaced_once_and_no_file_is_left_without_a_name(disk: Disk) -> None:
    table = table_with_a_key(disk.root)
    put(table, 0, dict.fromkeys(range(200), "old"))
    failures = 0
    for pages in range(200):
        disk.leave(pages)
        before = parts_of(Path(table.path))
        if failure_of(lambda: put(table, 1, dict.fromkeys(range(50, 250), "new"))) is None:
            break
        failures += 1
        left = parts_of(Path(table.path)) - before
        assert len(left) <= 1, "more is left than the part that the caller wrote"
        for path in left:
            path.unlink()
    assert failures > 2
    disk.free()
    assert named(scanned(table.path)) == {**dict.fromkeys(range(50), "old"), **dict.fromkeys(range(50, 250), "new")}
    assert DeltaTable(table.path).version() == 2  # made, filled, replaced


def test_what_workers_wrote_of_a_failed_attempt_is_removed_and_what_is_committed_stays(tmp_path: Path) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "old"})
    kept = parts_of(tmp_path)

    def killed_in_the_middle() -> None:
        with attempt([table]):
            mark = current_attempt()
            with within_attempt(""), within_attempt(mark):  # as a worker of another process
                write_parts(table, rows({2: "done"}))
            raise OSError("No space left on device")

    assert failure_of(killed_in_the_middle) is not None
    assert parts_of(tmp_path) == kept
    assert named(scanned(table.path)) == {1: "old"}


class Judged:
    """A batch of judged rows whose workers find no room once they have set some down."""

    schema: tuple[object, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def select(self, *_: str) -> Judged:
        return self

    def mapInArrow(self, *_: object) -> Judged:  # noqa: N802  Spark's own name
        (self._folder / "some.arrow").write_bytes(b"rows")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_judged_rows_that_were_set_down_give_their_room_back(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "staging" / "0")
    assert failure_of(lambda: staging.stage(cast("DataFrame", Judged(staging.folder)))) is not None
    assert not staging.folder.exists()


def failure_of(work: Callable[[], object]) -> str | None:
    try:
        work()
    except (OSError, TallyError) as error:
        return str(error)
    return None


def test_a_stream_goes_on_by_itself_once_there_is_room(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk", "48m") as disk:
        workspace = new_workspace(tmp_path, RETRY_FIRST_WAIT="10 ms", RETRY_LONGEST_WAIT="10 ms", RETRY_ATTEMPTS="100")
        workspace = replace(
            workspace,
            settings=replace(workspace.settings, lake=replace(workspace.settings.lake, root=disk.root / "lake")),
        )
        workspace.generate(files=2, rows_per_file=60)
        assert workspace.drain(spark)
        workspace.drop("more.csv", next(workspace.landing.rglob("*.csv")).read_bytes())
        stop, left, seen = threading.Event(), [parts_of(disk.root)], list[Books]()

        def failed(times: int) -> None:
            left.append(parts_of(disk.root))
            if times == 3:
                disk.free()
            if times == 30:
                stop.set()

        def judged(books: Books) -> None:
            seen.append(books)
            stop.set()

        disk.leave(4)
        with Failures(failed).heard():
            stream = Application(
                spark,
                workspace.settings,
                workspace.registry,
                ["ecommerce_events"],
                Listener(lambda _: None, judged),
                stop,
            )
            stream.run(once=False)
        assert sum(books.rows_read for books in seen) == 60, caplog.text
        assert len(left) >= 4
        assert max(len(each - left[0]) for each in left) < 3, "a pile is growing"
        assert discrepancies(workspace.lake.root, "ecommerce_events") == []
        assert "No space left" in caplog.text


class Failures(logging.Handler):
    """Tells ``then`` of each failure of a query, by its number."""

    def __init__(self, then: Callable[[int], None]) -> None:
        super().__init__()
        self._then, self._count = then, 0

    def emit(self, record: logging.LogRecord) -> None:
        if "failed" in record.getMessage():
            self._count += 1
            self._then(self._count)

    @contextmanager
    def heard(self) -> Iterator[None]:
        logger = logging.getLogger("tallylake.stream")
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
