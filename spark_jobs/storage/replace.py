"""Rows replaced by key: in one commit the rows of some keys are gone and the parts' rows are there, at most once.

Rows of a large file are deleted by a deletion vector; a small file, or one that is worn, is written again without them. Small
files that have become many are written together in the same commit, so the number of files stays bounded without an OPTIMIZE.

Killed anywhere before the log entry is linked, nothing is visible: what was written is named by no one. Where another writer
was first (an OPTIMIZE, a user's DELETE), everything is planned anew from the table as that writer left it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import Schema

from spark_jobs.storage.actions import addition, removal
from spark_jobs.storage.attempt import bring_to_disk
from spark_jobs.storage.commit import ATTEMPTS, checkpoint_if_due, ensure_table, open_snapshot
from spark_jobs.storage.deletion_vectors import bitmap, file_of, read_vector, write_vectors
from spark_jobs.storage.durable import sync, sync_all
from spark_jobs.storage.entries import commit_info, transaction
from spark_jobs.storage.key_lookup import Wanted, key_array, live_files, live_hits
from spark_jobs.storage.live_files import NONE, LiveFile, read_live, rows_in
from spark_jobs.storage.log import DeltaLogError, entry_name, put_if_absent
from spark_jobs.storage.parts import PART_ROWS, TableWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyroaring import BitMap64

    from spark_jobs.storage.live_files import Positions
    from spark_jobs.storage.log import Action, Snapshot
    from spark_jobs.storage.parts import Part
    from spark_jobs.storage.table import Table

#: A file of at most this many rows costs less to write again than it costs every later reader to have one more file.
SMALL_ROWS = 32_768
#: Small files are written again up to this many rows in one commit; those beyond get vectors like large ones.
REWRITTEN_ROWS = 4 * SMALL_ROWS
#: Files of one size, the sizes growing sixteenfold from SMALL_ROWS on, are written together when there are more.
FILES_OF_A_SIZE = 16
SIZES = (SMALL_ROWS, 16 * SMALL_ROWS)
#: A file of which a greater share is deleted is written again: reading around so much costs more.
WORN = 1 / 3
#: Worn files are written again up to this many rows in one commit; those beyond get vectors, and their turn comes later.
WORN_ROWS = PART_ROWS


@dataclass(slots=True, eq=False)
class _File:
    """A live file as this commit finds it: its rows by the footer, those deleted before, and those to delete now."""

    add: Action
    file: LiveFile
    rows: int
    dead: int
    hits: Positions

    @property
    def left(self) -> int:
        return self.rows - self.dead - self.hit

    @property
    def hit(self) -> int:
        return len(self.hits)


@dataclass(slots=True)
class _Change:
    """What a commit will say, and the files that were written for it."""

    removed: list[Action] = field(default_factory=list)
    added: list[Action] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)

    def discard(self) -> None:
        """Remove the files; no entry names them."""
        for path in self.written:
            path.unlink(missing_ok=True)


def replace_once(
    table: Table, parts: Sequence[Part], *, gone: pa.Array | None = None, writer: str, version: int
) -> bool:
    """In one commit, remove every live row whose key is one of the parts' or of ``gone``, and add the parts.

    Keys are those of ``table.key_columns``; ``gone`` as ``key_lookup.key_array`` makes them. Done twice, the second call
    sees the writer's version in the log and does nothing; ``writer`` as for ``commit.append_once``. Returns whether a commit
    was made; no parts and nothing gone, no commit. Raises DeltaLogError where the table asks for what cannot be kept here, or
    where other writers keep being first.
    """
    if not parts and (gone is None or not len(gone)):
        return False
    wanted = _wanted(table, parts, gone)
    for _ in range(ATTEMPTS):
        snapshot = _as_wide_as(table)
        if snapshot.has(writer, version):
            sync(Path(table.path) / "_delta_log")  # whoever linked the entry may have been killed before this
            return False
        snapshot.require(to_write=True)
        change, entry = _Change(), Path(table.path) / "_delta_log" / entry_name(snapshot.version + 1)
        try:
            _plan(change, table, snapshot, wanted, parts)
            _sync(table, parts, change)
            made = put_if_absent(table.path, snapshot.version + 1, _entry(table, snapshot, change, writer, version))
        except BaseException:
            if not entry.exists():  # else it may name the files, and only bringing its name to disk failed
                change.discard()
            raise
        if made:
            checkpoint_if_due(table.path, snapshot.version + 1, snapshot.configuration)
            return True
        change.discard()
    raise DeltaLogError(f"{table.name}: other writers were first {ATTEMPTS} times; stop them, then start again")


def _as_wide_as(table: Table) -> Snapshot:
    """The table as it stands now, made or given the columns that it lacks. Only then is delta-rs asked, which lists the log."""
    snapshot = open_snapshot(table.path)
    if snapshot is None or not set(table.schema).issubset(_schema(snapshot)):
        ensure_table(table)
        snapshot = open_snapshot(table.path)
        assert snapshot is not None
    return snapshot


def _schema(snapshot: Snapshot) -> pa.Schema:
    return pa.schema(Schema.from_json(snapshot.metadata["schemaString"]))


def _wanted(table: Table, parts: Sequence[Part], gone: pa.Array | None) -> Wanted:
    """The keys whose rows are replaced: those of the parts, read back from their files, and those gone."""
    schema = pa.schema([table.schema.field(name) for name in table.key_columns])
    type_ = schema.field(0).type if len(schema) == 1 else pa.string()
    keys = [pa.array([], type_) if gone is None or not len(gone) else gone.cast(type_)]
    for part in parts:
        file = LiveFile(Path(table.path), part.path, part.partition)
        keys += [key_array(rows, table.key_columns) for rows in read_live(file, schema)]
    return Wanted.of(pa.concat_arrays(keys), table.schema, table.key_columns)


def _plan(change: _Change, table: Table, snapshot: Snapshot, wanted: Wanted, parts: Sequence[Part]) -> None:
    """Say in ``change`` which files get a vector, which are written again and which only go; what that takes is written."""
    files = _found(snapshot, wanted)
    touched = [each for each in files if each.hit]
    empty = [each for each in touched if not each.left]
    again = _to_write_again(snapshot, files, parts)
    vectors = [each for each in touched if each.left and each not in again]
    change.added += [addition(part) for part in parts]
    _write_again(table, snapshot, again, change)
    _delete_from(snapshot, vectors, change)
    change.removed += [removal(each.add) for each in (*empty, *again, *vectors)]
    change.metrics = {
        "numTargetRowsInserted": sum(part.rows for part in parts),
        "numTargetRowsDeleted": sum(each.hit for each in touched),
        "numTargetRowsCopied": sum(each.left for each in again),
        "numTargetFilesAdded": len(change.added),
        "numTargetFilesRemoved": len(change.removed),
        "numTargetDeletionVectorsAdded": len(vectors),
    }


def _found(snapshot: Snapshot, wanted: Wanted) -> list[_File]:
    """All live files, with the rows to delete in those that can hold any."""
    held = {file.path for file in live_files(snapshot, wanted)}
    found = []
    for file in live_files(snapshot):
        add = snapshot.files[file.path]
        hits = live_hits(file, wanted) if file.path in held else NONE
        dead = file.vector["cardinality"] if file.vector is not None else 0
        found.append(_File(add, file, _rows(add, file), dead, hits))
    return found


def _rows(add: Action, file: LiveFile) -> int:
    told = json.loads(add.get("stats") or "{}").get("numRecords")
    return int(told) if told is not None else rows_in(file)


def _to_write_again(snapshot: Snapshot, files: Sequence[_File], parts: Sequence[Part]) -> list[_File]:
    """The files to write again: worn ones, small ones that are touched, and sizes of which there are too many."""
    left = sorted((each for each in files if each.left), key=lambda each: each.left)
    again = [each for each in left if each.hit]
    if snapshot.takes_vectors:
        again = _up_to([each for each in again if _is_worn(each)], WORN_ROWS)
    small = [each for each in left if each.hit and each.left <= SMALL_ROWS and each not in again]
    again += _up_to(small, REWRITTEN_ROWS)
    for low, high in zip((0, *SIZES), SIZES, strict=False):
        same = [each for each in left if low < each.left <= high and each not in again]
        more = sum(1 for part in parts if low < part.rows <= high)
        if len(same) > 1 and len(same) + more > FILES_OF_A_SIZE:
            again += _up_to(same, PART_ROWS)
    return again


def _is_worn(file: _File) -> bool:
    return file.left < (1 - WORN) * file.rows


def _up_to(files: Sequence[_File], rows: int) -> list[_File]:
    """The first of the files, as many as have that many rows together, and one at least."""
    taken: list[_File] = []
    for each in files:
        rows -= each.left
        if taken and rows < 0:
            break
        taken.append(each)
    return taken


def _write_again(table: Table, snapshot: Snapshot, files: Sequence[_File], change: _Change) -> None:
    """Write the rows that stay, a part for each partition (more for many rows), with every column that the table has."""
    whole = replace(table, schema=_schema(snapshot))
    groups: dict[str, list[_File]] = defaultdict(list)
    for each in files:
        groups[json.dumps(each.add["partitionValues"], sort_keys=True)].append(each)
    for values, same in groups.items():
        target = TableWriter(whole, json.loads(values))
        for each in same:
            for rows in read_live(each.file, whole.data_schema, but=each.hits):
                target.write(rows)
        made = target.close()
        change.added += [addition(part) for part in made]
        change.written += [Path(table.path) / part.path for part in made]


def _delete_from(snapshot: Snapshot, files: Sequence[_File], change: _Change) -> None:
    """Name the files again with the rows to delete now added to those deleted before."""
    if not files:
        return
    root = Path(snapshot.path)
    described = write_vectors(root, {each.file.path: _vector(each) for each in files})
    change.written.append(file_of(root, next(iter(described.values()))))
    for each in files:
        stats = _wide(each.add.get("stats"), each.rows)
        vector = described[each.file.path]
        change.added.append({"add": {**each.add, "dataChange": True, "stats": stats, "deletionVector": vector}})


def _vector(each: _File) -> BitMap64:
    now = bitmap(each.hits)
    return now if each.file.vector is None else now | read_vector(each.file.root, each.file.vector)


def _wide(stats: str | None, rows: int) -> str:
    """The file's statistics, now of more than its live rows. As text: a decimal bound read and written might not be itself."""
    if not stats:
        return json.dumps({"numRecords": rows, "tightBounds": False})
    if "tightBounds" in json.loads(stats):
        return re.sub(r'"tightBounds"\s*:\s*true', '"tightBounds":false', stats)
    return stats.rstrip()[:-1] + ',"tightBounds":false}'


def _sync(table: Table, parts: Sequence[Part], change: _Change) -> None:
    """Bring to disk what the entry will name: an entry that outlives its files would take rows with it that were there before."""
    bring_to_disk(parts, [table])
    sync_all([*change.written, *(path.parent for path in change.written), Path(table.path)])


def _entry(table: Table, snapshot: Snapshot, change: _Change, writer: str, version: int) -> Iterable[Action]:
    info = commit_info("MERGE", {"matchedBy": json.dumps(table.key_columns)}, **change.metrics)
    info["commitInfo"]["readVersion"] = snapshot.version
    yield info
    yield transaction(writer, version)
    yield from change.removed
    yield from change.added
