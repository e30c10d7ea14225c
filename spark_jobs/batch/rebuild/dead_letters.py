"""Carries what was decided about dead letters over to the same dead letters of a rebuild."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.storage.actions import add_action, commit_info, remove_action
from spark_jobs.storage.delta_log import put_if_absent, read_log
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.storage.live_files import LiveFile, read_live
from spark_jobs.storage.parts_on_disk import sync_parts
from spark_jobs.storage.snapshot import DeltaLogError
from spark_jobs.storage.table_writer import TableWriter

if TYPE_CHECKING:
    from spark_jobs.storage.snapshot import Action
    from spark_jobs.storage.table import Table

#: The decision on a dead letter (status, attempts), and which one it is.
DECISION = ["row_id", "subject", "status", "attempts"]


def carry_decisions_over(live: Table, rebuilt: Table, subject: str) -> int:
    """Give the rebuilt dead letters the status and attempts that the same row ids have in the live table.

    A dead letter that was resolved and is refused again by the rebuild has no accepted row there: it is open again, and can be
    replayed again; returns how many those are. Nobody else writes the rebuilt table; a run that is killed here is removed whole.
    """
    decided = _decided(live, subject)
    if not decided.num_rows:
        return 0
    snapshot = read_log(rebuilt.path)
    assert snapshot is not None
    actions: list[Action] = []
    reopened = 0
    for add in snapshot.files.values():
        target, resolved = _rewritten(
            LiveFile(Path(rebuilt.path), add["path"], add["partitionValues"]), rebuilt, decided
        )
        if target is not None:
            parts = target.close()
            sync_parts(parts, [rebuilt])
            actions += [remove_action(add), *(add_action(part) for part in parts)]
            reopened += resolved
    entry = [commit_info("UPDATE"), *actions]
    if actions and not put_if_absent(rebuilt.path, snapshot.version + 1, entry):
        raise DeltaLogError(
            f"{rebuilt.path} was written by another process while it was rebuilt: stop that one, then rebuild again"
        )
    return reopened


def _decided(live: Table, subject: str) -> pa.Table:
    """Return the subject's dead letters about which anything was decided or tried."""
    letters = all_rows(live, DECISION)
    touched = pc.or_(pc.not_equal(letters["status"], "open"), pc.greater(letters["attempts"], 1))
    return letters.filter(pc.and_(pc.equal(letters["subject"], subject), touched))


def _rewritten(file: LiveFile, table: Table, decided: pa.Table) -> tuple[TableWriter | None, int]:
    """Write the file's rows with the decisions on them.

    Returns the writer, and how many rows were resolved before; no writer where the file has none of the rows.
    """
    ids = decided["row_id"].combine_chunks()
    places = [
        pc.index_in(rows["row_id"], value_set=ids)
        for rows in read_live(file, pa.schema([table.schema.field("row_id")]))
    ]
    if not any(pc.count(place).as_py() for place in places):
        return None, 0
    target, resolved = TableWriter(table, dict(file.partition)), 0
    for rows in read_live(file, table.data_schema):
        place = pc.index_in(rows["row_id"], value_set=ids)
        status = decided["status"].take(place)
        resolved += pc.sum(pc.equal(status, "resolved")).as_py() or 0
        kept = pc.if_else(pc.equal(status, "resolved"), "open", status)
        rows = _with(rows, "status", pc.coalesce(kept, rows["status"]))
        rows = _with(rows, "attempts", pc.coalesce(decided["attempts"].take(place), rows["attempts"]))
        target.write(rows)
    return target, resolved


def _with(rows: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)
