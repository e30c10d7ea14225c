"""Settling a prepared batch: what the ledger names is committed, table by table, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.errors import TallyError
from spark_jobs.sinks.commit import append_once, is_committed
from spark_jobs.sinks.ledger import LedgerError
from spark_jobs.sinks.replace import replace_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.lake import Table
    from spark_jobs.sinks.ledger import Ledger, Prepared


class LostPartsError(TallyError):
    """A batch is half committed, and parts of its other half are gone from disk."""


def settle(prepared: Prepared, tables: Sequence[Table], owner: str) -> None:
    """Commit the batch's parts to each table in order. Done twice, each commit finds its writer's version and does nothing.

    To a keyed table, the rows of the parts' keys become the parts' rows, and those of the keys in the fact ``gone`` (by
    table: a list of integers) go.
    """
    for table in tables:
        parts, writer = prepared.of(table.name), _writer(owner, table)
        if table.keyed:
            gone = pa.array(prepared.facts.get("gone", {}).get(table.name, []), pa.int64())
            replace_once(table, parts, gone=gone, writer=writer, version=prepared.batch_id)
        else:
            append_once(table, parts, writer=writer, version=prepared.batch_id)


def resume(ledger: Ledger, batch_id: int, tables: Sequence[Table], owner: str) -> Prepared | None:
    """The batch as it was prepared before a crash; None where it must be (or, its parts being lost, can be) done anew.

    Parts can be lost between prepare and commit: a stop longer than VACUUM's retention, or a power cut.
    """
    try:
        prepared = ledger.load(batch_id)
    except LedgerError as error:
        _require_nothing_done(error, committed_to(batch_id, tables, owner))
        return None
    if prepared is None:
        return None
    done = committed_to(batch_id, tables, owner)
    lost = prepared.lost({table.name: table.path for table in tables if table not in done})
    if not lost:
        return prepared
    if done:
        named = ", ".join(table.name for table in done)
        raise LostPartsError(
            f"batch {batch_id} is committed to {named}, but {len(lost)} of its other parts are gone, first {lost[0]}: "
            "restore them from a backup, or stream into a new LAKE_ROOT"
        )
    return None


def _require_nothing_done(error: LedgerError, done: Sequence[Table]) -> None:
    """A ledger file that cannot be read is of no use, and of no harm as long as nothing of its batch is visible."""
    if done:
        named = ", ".join(table.name for table in done)
        raise LedgerError(
            f"{error}, and its batch is committed to {named} already: restore it from a backup, or stream into a new LAKE_ROOT"
        )


def committed_to(batch_id: int, tables: Sequence[Table], owner: str) -> list[Table]:
    """Those of the tables to which the batch is committed already."""
    return [table for table in tables if is_committed(table, writer=_writer(owner, table), version=batch_id)]


def _writer(owner: str, table: Table) -> str:
    return f"{owner}:{table.name}"
