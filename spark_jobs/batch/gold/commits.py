"""The commits of a gold run, written down before the first is made, so that a run killed anywhere is finished by the next.

The parts lie ready in their tables' folders. Each table gets one commit, which deletes the rows of some keys and adds the parts'
rows; it carries the run's number, so it is made once however often it is tried. The record of the run is the last.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.record import RunRecord, record_run, writer_of
from spark_jobs.errors import TallyError
from spark_jobs.schemas_gold import GOLD, RUNS
from spark_jobs.storage.add_actions import count_rows
from spark_jobs.storage.append import is_committed
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.difference import difference
from spark_jobs.storage.files import make_folder, write_json
from spark_jobs.storage.keys import key_array
from spark_jobs.storage.parts import Part
from spark_jobs.storage.parts_on_disk import sync_parts
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from schema_registry.registry import Registry
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table


class JournalError(TallyError):
    """A run that was interrupted cannot be finished: what its journal names is not where it was put."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One table's commit: the parts that it adds, and the keys, as text, whose rows it deletes (``gone``)."""

    table: str
    parts: tuple[Part, ...]
    gone: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, parts: Iterable[Part], gone: pa.Array) -> Commit:
        """Make one of keys as ``keys.key_array`` makes them."""
        return cls(table.name.removeprefix("gold/"), tuple(parts), tuple(gone.cast(pa.string()).to_pylist()))

    @property
    def rows(self) -> int:
        """Rows that it writes."""
        return sum(part.rows for part in self.parts)

    def is_made(self, lake: Lake, lineage: str, number: int) -> bool:
        """True if this run's commit, or a later one, is in the table's log; its parts may be gone since, as by a VACUUM."""
        return is_committed(lake.gold(self.table), writer=writer_of(lineage), version=number)

    def make(self, lake: Lake, lineage: str, number: int) -> None:
        """Make the commit, unless it has been made."""
        table = lake.gold(self.table)
        ensure_table(table)
        type_ = table.schema.field(table.key_columns[0]).type if len(table.key_columns) == 1 else pa.string()
        gone = pa.array(self.gone, pa.string()).cast(type_)
        replace_once(table, self.parts, deleted_keys=gone, writer=writer_of(lineage), version=number)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Commit:
        """The commit that ``dataclasses.asdict`` spelled."""
        return cls(plain["table"], tuple(Part.from_json(part) for part in plain["parts"]), tuple(plain["gone"]))


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
    gone = pc.unique(key_array(changed.before, table.key_columns))
    return Commit.of(table, write_parts(table, rows), gone)


def begin(lake: Lake, commits: Sequence[Commit], record: RunRecord) -> None:
    """Write down what will be committed, once it is on disk. Killed before this is done, nothing has happened."""
    plain = {"commits": [asdict(commit) for commit in commits], "record": _packed(record.to_row())}
    sync_parts([part for commit in commits for part in commit.parts], [lake.gold(each.table) for each in commits])
    make_folder(lake.gold_journal.parent)
    write_json(lake.gold_journal, plain)


def finish(
    lake: Lake, registry: Registry, folder: Path, step: Callable[[str], None], began: float | None = None
) -> RunRecord | None:
    """Make every commit that the journal names and is not made yet, put the run on record, and drop the journal.

    ``began``: by ``time.perf_counter``, where this process began the run. None where there is no journal. Safe to run again
    wherever it was killed.
    """
    if not lake.gold_journal.exists():
        return None
    plain = _journal(lake)
    row = _unpacked(plain["record"])
    for commit in (Commit.from_json(each) for each in plain["commits"]):
        step(f"publishing {commit.table}")
        if not commit.is_made(lake, row["lineage"], row["run_number"]):
            _require_parts(lake, commit)
            commit.make(lake, row["lineage"], row["run_number"])
    for name in GOLD:
        ensure_table(lake.gold(name))  # one without a row is there for its readers all the same
    row["output_row_counts"] = row_counts(lake, registry)
    if began is not None:
        row["runtime_seconds"] = round(time.perf_counter() - began, 3)
    record_run(lake, row, folder)
    lake.gold_journal.unlink()
    return RunRecord.from_row(row)


def _journal(lake: Lake) -> dict[str, Any]:
    try:
        return dict(json.loads(lake.gold_journal.read_text(encoding="utf-8")))
    except ValueError as error:
        raise JournalError(
            f"{lake.gold_journal} is cut off ({error}): delete it and start `tally gold run` again, which builds every date "
            "again where part of that run was published"
        ) from None


def row_counts(lake: Lake, registry: Registry) -> list[tuple[str, int]]:
    """Count the rows of every table of Bronze, Silver and gold, by the tables' logs; sorted by name (layer/table)."""
    subjects = registry.subjects.values()
    tables = [lake.bronze(subject) for subject in subjects]
    tables += [lake.accepted(subject) for subject in subjects]
    tables += [table for subject in subjects if subject.kind == "changes" for table in lake.merged(subject)]
    tables += [lake.gold(name) for name in GOLD]
    return sorted((table.name, count_rows(table)) for table in tables)


def _require_parts(lake: Lake, commit: Commit) -> None:
    table = lake.gold(commit.table)
    for part in commit.parts:
        if not (Path(table.path) / part.path).exists():
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
