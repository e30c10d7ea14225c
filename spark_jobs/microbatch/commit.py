"""Commit a prepared batch table by table, each table once, and read how far a query has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import pyarrow as pa

from spark_jobs.errors import TallyError
from spark_jobs.microbatch.journal import F, JournalError
from spark_jobs.storage.append import append_once, is_committed, last_committed
from spark_jobs.storage.replace import replace_once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spark_jobs.microbatch.journal import Journal, Keys, PreparedBatch
    from spark_jobs.microbatch.offsets import SourceRange
    from spark_jobs.storage.table import Table


class LostPartsError(TallyError):
    """A batch is half committed, and parts of its other half are gone from disk."""


def commit_batch(batch: PreparedBatch[Any], tables: Sequence[Table], writer_of: Callable[[Table], str]) -> None:
    """Commit the batch's parts to each table in order. Done twice, each commit finds its writer's version and does nothing.

    To a table with a key, the rows of the parts' keys become the parts' rows, and those of the batch's deleted keys go.
    """
    for table in tables:
        parts, writer = batch.parts_of(table.name), writer_of(table)
        if table.key_columns:
            keys = _key_array(table, batch.deleted_keys.get(table.name, ()))
            replace_once(table, parts, deleted_keys=keys, writer=writer, version=batch.batch_id)
        else:
            append_once(table, parts, writer=writer, version=batch.batch_id)


def _key_array(table: Table, keys: Keys) -> pa.Array:
    """Return the keys in the type of the table's key column; of several columns the key is text."""
    type_ = table.schema.field(table.key_columns[0]).type if len(table.key_columns) == 1 else pa.string()
    written_as = pa.string() if keys and isinstance(keys[0], str) else pa.int64()
    return pa.array(keys, written_as).cast(type_) if keys else pa.array([], type_)


def writer_name(query: str, table: Table) -> str:
    """Return the name under which a query commits to a table; the books' has always been shorter."""
    return f"{query}:books" if table.name == "ops/batch_quality" else f"{query}:{table.name}"


@dataclass(frozen=True, slots=True)
class CommitState(Generic[F]):
    """The progress of a query: the batch that it prepared last, and the greatest number under which it has committed anything.

    A batch's number is Spark's, until Spark plans a batch again that is committed already, in whole or in part: what is left of
    it, and all that come after, take the numbers that follow, so that each transaction is of one batch.
    """

    last: PreparedBatch[F] | None
    number: int

    def next_number(self, planned: int) -> int:
        """Return the number of a batch that Spark hands over under the number ``planned``."""
        return max(planned, self.number + 1)

    @property
    def is_new(self) -> bool:
        """True if the query has prepared nothing and committed nothing."""
        return self.last is None and self.number < 0

    @property
    def source(self) -> SourceRange | None:
        """The range that the last batch was made of; None where the journal lacks it: no file, an older one, or later commits."""
        if self.last is None or self.number > self.last.batch_id:
            return None
        return self.last.source


def read_state(journal: Journal[F], tables: Sequence[Table], query: str) -> CommitState[F]:
    """Read how far a query has come from its journal and the logs of the tables that it commits to; commit nothing.

    A prepared batch whose parts are lost is discarded where nothing of it is visible. Parts can be lost between prepare and
    commit: a stop longer than VACUUM's retention, or a power cut. LostPartsError, JournalError where part of it is visible.
    """
    last = _newest_whole_batch(journal, tables, query)
    committed = [last_committed(table, writer=writer_name(query, table)) for table in tables]
    return CommitState(last, max([-1 if last is None else last.batch_id, *committed]))


def _newest_whole_batch(journal: Journal[F], tables: Sequence[Table], query: str) -> PreparedBatch[F] | None:
    """Return the newest batch that is whole; discard newer ones, or raise where part of them is visible."""
    for number in journal.numbers():
        try:
            batch = journal.load(number)
        except JournalError as error:
            _require_nothing_committed(error, committed_to(number, tables, query))
            batch = None
        if batch is not None and _is_whole(batch, tables, batch.writer or query):
            return batch
        journal.discard(number)
    return None


def _is_whole(batch: PreparedBatch[Any], tables: Sequence[Table], query: str) -> bool:
    """True if all parts still to be committed are on disk. LostPartsError where some are not, and others are committed."""
    done = committed_to(batch.batch_id, tables, query)
    lost = batch.lost_parts({table.name: table.path for table in tables if table not in done})
    if lost and done:
        named = ", ".join(table.name for table in done)
        raise LostPartsError(
            f"batch {batch.batch_id} is committed to {named}, but {len(lost)} of its other parts are gone, first {lost[0]}: "
            "restore them from a backup, or stream into a new LAKE_ROOT"
        )
    return not lost


def _require_nothing_committed(error: JournalError, done: Sequence[Table]) -> None:
    """Raise a JournalError if part of a batch is visible whose journal file cannot be read; without it, it is prepared anew."""
    if done:
        named = ", ".join(table.name for table in done)
        raise JournalError(
            f"{error}, and its batch is committed to {named} already: restore it from a backup, or stream into a new LAKE_ROOT"
        )


def committed_to(batch_id: int, tables: Sequence[Table], query: str) -> list[Table]:
    """Return those of the tables to which a query's batch is committed already."""
    return [table for table in tables if is_committed(table, writer=writer_name(query, table), version=batch_id)]
