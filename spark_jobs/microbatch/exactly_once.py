"""The protocol by which each batch of a streaming query takes effect exactly once.

Prepare a batch, write it into the journal, commit it table by table. At the first batch of a start, and after any failure, the
journal is asked first: what is prepared is committed before anything else is done. Where Spark hands over another batch than it
did before, as after the loss of its plan, ``prepare`` can see it in the :class:`Handover` and leaves out what is done already.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from spark_jobs.microbatch.commit import CommitState, commit_batch, committed_to, read_state, writer_name
from spark_jobs.microbatch.journal import F, Journal
from spark_jobs.microbatch.offsets import source_range
from spark_jobs.microbatch.spark_notes import query_id
from spark_jobs.storage.attempt import attempt
from spark_jobs.storage.parts_on_disk import sync_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from spark_jobs.microbatch.journal import PreparedBatch
    from spark_jobs.microbatch.offsets import SourceRange
    from spark_jobs.microbatch.stream_state import BatchProgress
    from spark_jobs.storage.table import Table


@dataclass(frozen=True, slots=True)
class Handover(Generic[F]):
    """A batch that Spark hands over, and the state of its query before it.

    ``recovered``: the state was read back just now, at the first batch of a start or after a failure.
    """

    query: str
    source: SourceRange
    state: CommitState[F]
    recovered: bool

    @property
    def number(self) -> int:
        """The number under which the batch is committed."""
        return self.state.next_number(self.source.batch)

    @property
    def is_next(self) -> bool:
        """True if the batch begins where the last one ended, so that all of it is new."""
        last = self.state.source
        return self.state.is_new or (last is not None and self.source.follows(last))

    @property
    def is_repeated(self) -> bool:
        """True if it is the last batch once more."""
        return self.state.source is not None and self.source.is_same_as(self.state.source)


@dataclass(slots=True)
class ExactlyOnce(Generic[F]):
    """Runs the batches of one query.

    ``on_committed(batch, seconds, again)`` is called when a batch is committed to its tables, which took so many seconds;
    ``again``: it was committed whole before, and Spark hands it over once more. ``last_table``: the table that ``on_committed``
    writes, where it writes one; a batch is whole once it is there.
    """

    checkpoint: Path
    facts: type[F]
    on_committed: Callable[[PreparedBatch[F], float, bool], None]
    progress: BatchProgress
    last_table: Table | None = None
    _state: CommitState[F] | None = field(default=None, init=False)

    def run_once(
        self, batch_id: int, prepare: Callable[[Handover[F]], PreparedBatch[F] | None], tables: Sequence[Table]
    ) -> None:
        """Prepare and commit the batch that Spark hands over under ``batch_id``, unless that is done.

        ``prepare`` writes parts and returns what is to be committed; None where nothing of the batch is new. It may be called
        again after any failure: of what it wrote then nothing is visible, and what is left is removed.
        """
        handover = self._handover(batch_id, tables)
        if handover.is_repeated:
            return
        self._state = None  # known again once this batch is committed: whatever fails in between, the journal is asked
        with attempt(tables):
            batch = prepare(handover)
            if batch is not None:
                sync_parts(batch.parts, tables)
                self._journal.save(batch)
        if batch is not None:
            self.on_committed(batch, self._commit(batch, tables, handover.query), False)
        self._state = handover.state if batch is None else CommitState(batch, batch.batch_id)

    @property
    def _journal(self) -> Journal[F]:
        return Journal(self.checkpoint, self.facts)

    def _handover(self, batch_id: int, tables: Sequence[Table]) -> Handover[F]:
        source, query = source_range(self.checkpoint, batch_id), query_id(self.checkpoint)
        if self._state is not None:
            return Handover(query, source, self._state, recovered=False)
        everywhere = (*tables, self.last_table) if self.last_table is not None else tables
        handover = Handover(query, source, read_state(self._journal, everywhere, query), recovered=True)
        self._finish(handover, tables)
        self._state = handover.state
        return handover

    def _finish(self, handover: Handover[F], tables: Sequence[Table]) -> None:
        """Commit what the journal says is still to be committed, and report a batch that is handed over once more.

        An entry of any table may have been lost in a power cut, though the last table has its own: so each is looked at.
        """
        last = handover.state.last
        if last is None:
            return
        query = last.writer or handover.query
        whole = self.last_table is None or bool(committed_to(last.batch_id, (self.last_table,), query))
        seconds = self._commit(last, tables, query)
        if not whole:
            self.on_committed(last, seconds, False)
        elif handover.is_repeated:
            self.on_committed(last, 0.0, True)

    def _commit(self, batch: PreparedBatch[F], tables: Sequence[Table], query: str) -> float:
        """Commit the batch to the tables; return the seconds that it took."""
        started = time.perf_counter()
        self.progress.step("commit")
        commit_batch(batch, tables, lambda table: writer_name(query, table))
        return time.perf_counter() - started
