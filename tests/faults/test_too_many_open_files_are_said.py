"""Too many open files fail a batch with a sentence that names the limit; no file is taken for gone, no table for missing."""

from __future__ import annotations

import gc
import os
import resource
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable
from support.ingest_without_spark import Files, ingest_of
from support.tables_with_a_key import named, put, scanned, table_with_a_key

from spark_jobs.errors import TallyError
from spark_jobs.lake import Lake
from spark_jobs.storage.cache import StorageCache, use_storage_cache
from spark_jobs.storage.failures import errors_explained
from spark_jobs.storage.open_tables import open_snapshot, open_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def open_files_left(count: int) -> Iterator[None]:
    """This process may open so many files more."""
    gc.collect()  # what is garbage would give its handles back in the middle
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as held:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, before[1]))  # noqa: PTH208
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        taken: list[int] = []
        held.callback(lambda: [*map(os.close, taken)])
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            for _ in range(count):
                os.close(taken.pop())
        yield


def said(work: Callable[[], object], left: int) -> str | None:
    """What is said of work that fails for want of file handles; None where it is done."""
    try:
        with open_files_left(left), errors_explained(lambda: ()):
            work()
    except TallyError as error:
        return str(error)
    return None


def test_a_batch_fails_with_the_limit_and_lands_once_more_files_may_be_open(tmp_path: Path) -> None:
    landing, lake = tmp_path / "input", Lake(tmp_path / "lake")
    files = Files.of(landing, {f"{n}.csv": "order_id,amount\n" + f"{n},1\n" * 50 for n in range(3)})
    ingest = ingest_of(lake, landing)
    left = 0
    while (told := said(lambda: ingest.process_batch(files, 0), left)) is not None:
        assert "too many files are open" in told, told
        assert "`ulimit -n`" in told
        left += 1
    assert left
    bronze = DeltaTable(lake.bronze(ingest.subject).path).to_pyarrow_table(columns=["row_id"])
    assert (bronze.num_rows, len(set(bronze["row_id"].to_pylist()))) == (150, 150)
    files_read = DeltaTable(lake.files.path).to_pyarrow_table().select(["rows", "status"]).to_pylist()
    assert files_read == [{"rows": 50, "status": "landed"}] * 3
    parts = list((tmp_path / "lake").rglob("part-*.parquet"))
    assert len(parts) == 2, "failed attempts left parts"


@pytest.mark.parametrize("read", [open_table, open_snapshot])
def test_a_table_that_cannot_be_opened_now_is_not_taken_for_missing(
    tmp_path: Path, read: Callable[[str], object]
) -> None:
    table = table_with_a_key(tmp_path)
    put(table, 0, {1: "row"})
    for left in range(10):
        use_storage_cache(StorageCache())
        found: list[object] = []
        told = said(lambda: found.append(read(table.path)), left)  # noqa: B023  called at once
        if told is None:
            assert found[0] is not None, f"with {left} files left the table was taken for missing"
    assert told is None
    assert named(scanned(table.path)) == {1: "row"}
