"""Settling a prepared batch: what the ledger names is committed, table by table, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.errors import TallyError
from spark_jobs.microbatch.journal import LedgerError
from spark_jobs.storage.append import append_once, is_committed
from spark_jobs.storage.open_tables import open_table
from spark_jobs.storage.replace import replace_once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spark_jobs.microbatch.journal import Ledger, Prepared
    from spark_jobs.storage.table import Table


class LostPartsError(TallyError):
    """A batch is half committed, and parts of its other half are gone from disk."""


def settle(prepared: Prepared, tables: Sequence[Table], owner: str) -> None:
    """Commit the batch's parts to each table in order. Done twice, each commit finds its writer's version and does nothing.

    To a table with a key, the rows of the parts' keys become the parts' rows, and those of the keys in the fact ``gone`` (by
    table: a list of integers) go.
    """
    for table in tables:
        parts, writer = prepared.of(table.name), writer_of(owner, table)
        if table.key_columns:
            gone = pa.array(prepared.facts.get("gone", {}).get(table.name, []), pa.int64())
            replace_once(table, parts, deleted_keys=gone, writer=writer, version=prepared.batch_id)
        else:
            append_once(table, parts, writer=writer, version=prepared.batch_id)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a query has come: the batch that it prepared last, and the greatest number under which it has committed anything.

    A batch's number is Spark's, until Spark plans a batch again that is committed already, in whole or in part: what is left of
    it, and all that come after, take the numbers that follow, so that each transaction is of one batch.
    """

    prepared: Prepared | None
    number: int

    def next_number(self, handed: int) -> int:
        """The number of a batch that Spark hands over under ``handed``."""
        return max(handed, self.number + 1)

    @property
    def is_new(self) -> bool:
        """Whether the query has prepared nothing and committed nothing."""
        return self.prepared is None and self.number < 0

    @property
    def made_of(self) -> Mapping[str, Any] | None:
        """What the last batch was made of; None where it cannot be told: no ledger, an older one, or commits that it lacks."""
        if self.prepared is None or self.number > self.prepared.batch_id:
            return None
        return self.prepared.facts.get("made_of")


def reached(ledger: Ledger, tables: Sequence[Table], owner: str) -> Reached:
    """How far a query has come, by its ledger and the logs of the tables that it commits to; commits nothing.

    A prepared batch whose parts are lost is struck out where nothing of it is visible. Parts can be lost between prepare and
    commit: a stop longer than VACUUM's retention, or a power cut.
    """
    prepared = _newest(ledger, tables, owner)
    committed = [_committed(table, owner) for table in tables]
    return Reached(prepared, max([-1 if prepared is None else prepared.batch_id, *committed]))


def _newest(ledger: Ledger, tables: Sequence[Table], owner: str) -> Prepared | None:
    """The youngest batch of the ledger that is of use; others are struck out, or raise where part of them is visible."""
    for number in ledger.numbers():
        try:
            prepared = ledger.load(number)
        except LedgerError as error:
            _require_nothing_done(error, committed_to(number, tables, owner))
            prepared = None
        if prepared is not None and _is_whole(prepared, tables, prepared.facts.get("query_id", owner)):
            return prepared
        ledger.strike(number)
    return None


def _is_whole(prepared: Prepared, tables: Sequence[Table], owner: str) -> bool:
    """Whether all parts that are still to be committed are there. LostPartsError where some are not, and others are committed."""
    done = committed_to(prepared.batch_id, tables, owner)
    lost = prepared.lost({table.name: table.path for table in tables if table not in done})
    if lost and done:
        named = ", ".join(table.name for table in done)
        raise LostPartsError(
            f"batch {prepared.batch_id} is committed to {named}, but {len(lost)} of its other parts are gone, first {lost[0]}: "
            "restore them from a backup, or stream into a new LAKE_ROOT"
        )
    return not lost


def _require_nothing_done(error: LedgerError, done: Sequence[Table]) -> None:
    """A ledger file that cannot be read is of no use, and of no harm as long as nothing of its batch is visible."""
    if done:
        named = ", ".join(table.name for table in done)
        raise LedgerError(
            f"{error}, and its batch is committed to {named} already: restore it from a backup, or stream into a new LAKE_ROOT"
        )


def committed_to(batch_id: int, tables: Sequence[Table], owner: str) -> list[Table]:
    """Those of the tables to which the batch is committed already."""
    return [table for table in tables if is_committed(table, writer=writer_of(owner, table), version=batch_id)]


def _committed(table: Table, owner: str) -> int:
    """The last batch that a query committed to a table; -1 where there is none."""
    found = open_table(table.path)
    version = None if found is None else found.transaction_version(writer_of(owner, table))
    return -1 if version is None else version


def writer_of(owner: str, table: Table) -> str:
    """The name under which a query commits to a table; the books' has always been shorter."""
    return f"{owner}:books" if table.name == "ops/batch_quality" else f"{owner}:{table.name}"
