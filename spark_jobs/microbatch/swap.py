"""The swap: a rebuilt subject's tables take the place of the old ones, in one commit each; the old content stays as a version.

What will be done is written into a journal first: the tables, their new files, and the versions before. Then the files are moved
into the live tables' folders, where no one reads them yet; then each table gets one commit that removes the subject's files and
adds the new ones, with the new columns where a type has changed; last, the rebuilt checkpoint takes the old one's place. Every
step can be done again, so a swap that was killed anywhere is finished from its journal by whoever holds the subject's lock next.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from spark_jobs.errors import TallyError
from spark_jobs.microbatch.journal import Facts, JournalError, PreparedBatch, read_batch, remove_batch, write_batch
from spark_jobs.microbatch.spark_notes import query_id
from spark_jobs.storage.actions import commit_info, remove_action, txn_action
from spark_jobs.storage.checkpoint import checkpoint_if_due
from spark_jobs.storage.create import changed_types, ensure_table
from spark_jobs.storage.deletion_vectors import vector_file
from spark_jobs.storage.delta_log import put_if_absent, read_log
from spark_jobs.storage.files import sync
from spark_jobs.storage.retries import retry_commit
from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.snapshot import Action, Snapshot
    from spark_jobs.storage.table import Table


class SwapError(TallyError):
    """A swap cannot be finished: a file that its journal names is not where the rebuild put it."""


@dataclass(frozen=True, slots=True)
class TableSwap:
    """One table of a swap: the subject's partition of it (all of it where empty), its version before, the files to be added.

    ``writers``: those of the rebuilt table with their last batches, so that none of these is ever committed again. ``schema``: the
    rebuilt table's, as its log has it, where the live one takes it over; empty where that keeps its own.
    """

    table: str
    partition: dict[str, str]
    before: int
    adds: list[Action]
    writers: dict[str, int]
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Swap(Facts):
    """A swap as its journal has it: the facts of a batch. ``query_id`` is the rebuilt checkpoint's."""

    subject: str
    query_id: str
    tables: tuple[TableSwap, ...]

    @property
    def kept_checkpoint(self) -> str:
        """The name under which the old refine checkpoint is kept, beside the new one."""
        return f"refine.before-{self.query_id}"

    def to_json(self) -> dict[str, Any]:
        """Return the plain form."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Return the swap of that plain form."""
        tables = tuple(TableSwap(**table) for table in plain["tables"])
        return cls(plain["subject"], plain["query_id"], tables)


def takes_schema(live: Table) -> bool:
    """True if the swap gives a table the rebuilt one's columns: where the live one has a column in another type.

    Never where other subjects have rows too: there ``ensure_table`` refuses what differs.
    """
    return "subject" not in live.partition_by and bool(changed_types(live))


def begin_swap(lake: Lake, subject: Subject) -> None:
    """Write the journal of the swap of the subject's shadow; :func:`finish_swap` then does it.

    DeltaLogError where a live table's log asks for what this writer cannot do; nothing is changed then.
    """
    shadow = lake.shadow(subject.name)
    pairs = zip(lake.refine_tables(subject), shadow.refine_tables(subject), strict=True)
    tables = tuple(_plan_table(live, rebuilt, subject.name) for live, rebuilt in pairs)
    swap = Swap(subject.name, query_id(shadow.checkpoint(subject.name, "refine")), tables)
    write_batch(lake.swap_journal(subject.name), PreparedBatch(0, (), swap, _writer(swap)))


def finish_swap(lake: Lake, subject: str) -> Swap | None:
    """Do what is left of the swap that was begun; None where none was. The caller holds the subject's lock."""
    journal = lake.swap_journal(subject)
    swap = _read_journal(journal)
    if swap is None:
        return None
    shadow = lake.shadow(subject)
    for table in swap.tables:
        _move_files(shadow.root / table.table, lake.root / table.table, table, swap)
    for table in swap.tables:
        _commit(lake.root / table.table, table, swap)
    _swap_checkpoints(shadow.checkpoint(subject, "refine"), lake.checkpoint(subject, "refine"), swap)
    remove_batch(journal)
    shutil.rmtree(shadow.root)
    return swap


def discard_shadow(lake: Lake, subject: str) -> None:
    """Remove the shadow of a subject, unless a swap of it was begun."""
    root = lake.shadow(subject).root
    if lake.swap_journal(subject).exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    with suppress(OSError):
        root.parent.rmdir()


def _read_journal(journal: Path) -> Swap | None:
    """Return the swap of the journal; None where there is none. Earlier releases wrote the facts alone."""
    try:
        batch = read_batch(journal, Swap, lambda plain: PreparedBatch(0, (), Swap.from_json(plain)))
        return None if batch is None else batch.facts
    except JournalError as error:
        raise SwapError(
            f"{error} ({error.reason}): restore it from a backup; without one, remove it, "
            "start `tally rebuild` of the subject again, and then run `tally audit`"
        ) from None


def _plan_table(live: Table, rebuilt: Table, subject: str) -> TableSwap:
    new_schema = takes_schema(live)
    if not new_schema:
        ensure_table(live)
    before, after = read_log(live.path), read_log(rebuilt.path)
    assert before is not None
    assert after is not None
    before.require(to_write=True)
    adds = list(after.files.values())
    if any("deletionVector" in add for add in adds) and not before.allows_deletion_vectors:
        raise DeltaLogError(
            f"{live.name} takes no deletion vectors: set its property delta.enableDeletionVectors to true"
        )
    partition = {"subject": subject} if "subject" in live.partition_by else {}
    schema = after.metadata["schemaString"] if new_schema else ""
    return TableSwap(live.name, partition, before.version, adds, dict(after.writers), schema)


def _move_files(source: Path, target: Path, table: TableSwap, swap: Swap) -> None:
    """Move the table's new files into its live folder and bring them to disk, unless the swap is committed there already."""
    live = read_log(str(target))
    if live is not None and live.has(_writer(swap), 0):
        return
    folders = {target}
    for name in _file_names(source, table.adds):
        _move(source / name, target / name)
        folders.add((target / name).parent)
    for folder in folders:
        sync(folder)


def _file_names(root: Path, adds: Iterable[Action]) -> Iterator[Path]:
    """Yield the files that the adds name, relative to the table's folder, each once; the vectors of a commit share a file."""
    vectors = set()
    for add in adds:
        yield Path(unquote(add["path"]))
        vector = add.get("deletionVector")
        if vector is not None and vector["storageType"] == "u":
            vectors.add(vector_file(root, vector).relative_to(root))
    yield from sorted(vectors)


def _move(source: Path, target: Path) -> None:
    """Move a file, unless that was done before. SwapError where it is in neither place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        source.rename(target)
    try:
        sync(target)
    except FileNotFoundError:
        raise SwapError(
            f"{target} is neither there nor in {source.parent}, where the rebuild wrote it: restore it from a backup, "
            "or remove the swap's journal and rebuild again"
        ) from None


def _commit(path: Path, table: TableSwap, swap: Swap) -> None:
    """Commit the swap of a table. Done twice, the second finds the swap's writer in the log."""
    retry_commit(table.table, lambda: _try_commit(path, table, swap))


def _try_commit(path: Path, table: TableSwap, swap: Swap) -> bool | None:
    """Return True if an entry was made, False if none is needed; None where another writer was first, and it is tried again."""
    snapshot = read_log(str(path))
    assert snapshot is not None
    if snapshot.has(_writer(swap), 0):
        return False
    entry = list(_entry(snapshot, table, swap))
    if not any(kind in action for action in entry for kind in ("add", "remove", "metaData")):
        return False
    if not put_if_absent(str(path), snapshot.version + 1, entry):
        return None
    checkpoint_if_due(str(path), snapshot.version + 1, snapshot.configuration)
    return True


def _entry(snapshot: Snapshot, table: TableSwap, swap: Swap) -> Iterator[Action]:
    """Yield the actions of the commit: the subject's files removed, the rebuilt ones added, and their writers."""
    removes = [remove_action(add) for add in snapshot.files.values() if _is_within(add, table.partition)]
    info = commit_info(
        "TALLY REBUILD", {"subject": swap.subject}, numFiles=len(table.adds), numRemovedFiles=len(removes)
    )
    info["commitInfo"]["readVersion"] = snapshot.version
    yield info
    if table.schema:
        yield {"metaData": {**snapshot.metadata, "schemaString": table.schema}}
    for writer, version in ((_writer(swap), 0), *table.writers.items()):
        yield txn_action(writer, version)
    yield from removes
    yield from ({"add": {**add, "dataChange": True}} for add in table.adds)


def _is_within(add: Action, partition: dict[str, str]) -> bool:
    return all(add["partitionValues"].get(name) == value for name, value in partition.items())


def _writer(swap: Swap) -> str:
    return f"{swap.query_id}:swap"


def _swap_checkpoints(rebuilt: Path, live: Path, swap: Swap) -> None:
    """Make the rebuilt checkpoint the live one, and keep the old one beside it: the stream goes on where the rebuild ended."""
    if rebuilt.exists():
        if live.exists():
            live.rename(live.with_name(swap.kept_checkpoint))
        live.parent.mkdir(parents=True, exist_ok=True)
        rebuilt.rename(live)
        sync(live.parent)
    if query_id(live) != swap.query_id:
        raise SwapError(
            f"{live} is not the checkpoint that the rebuild made: remove the swap's journal and rebuild again"
        )
