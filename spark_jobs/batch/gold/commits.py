"""The commits of a gold run, written down before the first is made, so that a run killed anywhere is finished by the next.

The parts lie ready in their tables' folders. Each table gets one commit, which deletes the rows of some keys and adds the parts'
rows; it carries the run's number, so it is made once however often it is tried. The record of the run is the last.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.record import RunRecord, record_run, writer_of
from spark_jobs.microbatch.commit import commit_batch
from spark_jobs.microbatch.journal import Facts, JournalError, PreparedBatch, read_batch, remove_batch, write_batch
from spark_jobs.schemas_gold import GOLD, RUNS
from spark_jobs.storage.add_actions import count_rows
from spark_jobs.storage.append import is_committed
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.difference import difference
from spark_jobs.storage.keys import key_array
from spark_jobs.storage.parts import Part
from spark_jobs.storage.parts_on_disk import missing_parts, sync_parts
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table


@dataclass(frozen=True, slots=True)
class RunFacts(Facts):
    """What a prepared run states besides its parts. ``record``: its row of ops/runs as :func:`_packed` spells it."""

    record: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One table's commit: the parts that it adds, and the keys, as text, whose rows it deletes."""

    table: str
    parts: tuple[Part, ...]
    deleted_keys: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, parts: Iterable[Part], deleted_keys: pa.Array) -> Commit:
        """Make one of keys as ``keys.key_array`` makes them."""
        return cls(table.name.removeprefix("gold/"), tuple(parts), tuple(deleted_keys.cast(pa.string()).to_pylist()))

    @property
    def rows(self) -> int:
        """Rows that it writes."""
        return sum(part.rows for part in self.parts)


def prepare_update(table: Table, wanted: pa.Table, existing: pa.Table) -> Commit | None:
    """Write the rows by which the ``existing`` rows of a table become the ``wanted`` ones; return the commit that is to be made.

    Both have the table's columns; only keys whose rows differ are written. None where nothing differs: the same content again
    makes no new version.
    """
    wanted = wanted.select(table.schema.names).cast(table.schema)
    changed = difference(existing, wanted)
    touched = pc.unique(key_array(pa.concat_tables([changed.before, changed.after]), table.key_columns))
    if not len(touched):
        return None
    rows = wanted.filter(pc.is_in(key_array(wanted, table.key_columns), value_set=touched))
    deleted = pc.unique(key_array(changed.before, table.key_columns))
    return Commit.of(table, write_parts(table, rows), deleted)


def begin(lake: Lake, commits: Sequence[Commit], record: RunRecord) -> None:
    """Write down what will be committed, once it is on disk. Killed before this is done, nothing has happened."""
    batch = _batch_of(commits, record.lineage, record.run_number, _packed(record.to_row()))
    sync_parts(batch.parts, [lake.gold(commit.table) for commit in commits])
    write_batch(lake.gold_journal, batch)


def _batch_of(commits: Sequence[Commit], lineage: str, number: int, record: str) -> PreparedBatch[RunFacts]:
    return PreparedBatch(
        batch_id=number,
        parts=tuple(part for commit in commits for part in commit.parts),
        facts=RunFacts(record),
        writer=writer_of(lineage),
        deleted_keys={f"gold/{commit.table}": commit.deleted_keys for commit in commits},
    )


def finish(
    lake: Lake, registry: Registry, folder: Path, step: Callable[[str], None], began: float | None = None
) -> RunRecord | None:
    """Make every commit that the journal names and is not made yet, put the run on record, and drop the journal.

    ``began``: by ``time.perf_counter``, where this process began the run. None where there is no journal. Safe to run again
    wherever it was killed.
    """
    batch = _read_journal(lake)
    if batch is None:
        return None
    for name in batch.deleted_keys:
        table = lake.gold(name.removeprefix("gold/"))
        step(f"publishing {table.name.removeprefix('gold/')}")
        if not is_committed(table, writer=batch.writer, version=batch.batch_id):
            _require_parts(lake, batch, table)
            commit_batch(batch, [table], lambda _: batch.writer)
    for name in GOLD:
        ensure_table(lake.gold(name))  # one without a row is there for its readers all the same
    row = _unpacked(batch.facts.record)
    row["output_row_counts"] = row_counts(lake, registry)
    if began is not None:
        row["runtime_seconds"] = round(time.perf_counter() - began, 3)
    record_run(lake, row, folder)
    remove_batch(lake.gold_journal)
    return RunRecord.from_row(row)


def _read_journal(lake: Lake) -> PreparedBatch[RunFacts] | None:
    try:
        return read_batch(lake.gold_journal, RunFacts, _of_an_earlier_release)
    except JournalError as error:
        raise JournalError(
            f"{error} ({error.reason}): delete it and start `tally gold run` again, which builds every date "
            "again where part of that run was published"
        ) from None


def _of_an_earlier_release(plain: Mapping[str, Any]) -> PreparedBatch[RunFacts]:
    """Read a journal without a format: a list of commits, and the record."""
    commits = [
        Commit(one["table"], tuple(map(Part.from_json, one["parts"])), tuple(one["gone"])) for one in plain["commits"]
    ]
    row = _unpacked(plain["record"])
    return _batch_of(commits, row["lineage"], row["run_number"], plain["record"])


def row_counts(lake: Lake, registry: Registry) -> list[tuple[str, int]]:
    """Count the rows of every table of Bronze, Silver and gold, by the tables' logs; sorted by name (layer/table)."""
    subjects = registry.subjects.values()
    tables = [lake.bronze(subject) for subject in subjects]
    tables += [lake.accepted(subject) for subject in subjects]
    tables += [table for subject in subjects if subject.kind == "changes" for table in lake.tables_with_key(subject)]
    tables += [lake.gold(name) for name in GOLD]
    return sorted((table.name, count_rows(table)) for table in tables)


def _require_parts(lake: Lake, batch: PreparedBatch[RunFacts], table: Table) -> None:
    for part in missing_parts(batch.parts_of(table.name), table):
        raise JournalError(
            f"an interrupted gold run cannot be finished: {table.name}/{part.path} is gone; delete {lake.gold_journal} "
            "and start `tally gold run` again, which builds every date again where part of that run was published"
        )


def _packed(row: Mapping[str, Any]) -> str:
    """A row of ops/runs as text that keeps its types: an Arrow stream, in hexadecimal."""
    sink = pa.BufferOutputStream()
    rows = pa.Table.from_pylist([dict(row)], schema=RUNS)
    with pa.ipc.new_stream(sink, RUNS) as writer:
        writer.write_table(rows)
    return str(sink.getvalue().to_pybytes().hex())


def _unpacked(text: str) -> dict[str, Any]:
    with pa.ipc.open_stream(pa.py_buffer(bytes.fromhex(text))) as reader:
        return dict(reader.read_all().to_pylist()[0])
