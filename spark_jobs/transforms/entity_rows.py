"""Changes and current rows in one form, so that they can be put in order together: one row per change, or per current row.

Both have the columns of the current table (``lake.current``): the entity's own, then ``_deleted``, ``_sequence``, ``_change_id``,
``_event_time``, ``schema_version`` and ``row_id``; and ``given``, the fields that a partial update names (null: a whole row).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.schemas import CURRENT_META, GIVEN, TIMESTAMP, typed_columns

if TYPE_CHECKING:
    from schema_registry.contract import Contract

#: The operation of a truncate: nothing else makes a change one.
TRUNCATE = "t"
#: The columns of CURRENT_META that say where a row comes from; the others say when it was written.
ORIGIN_COLUMNS = CURRENT_META[:6]


def entity_row_schema(contract: Contract) -> pa.Schema:
    """Return the columns of such rows."""
    return pa.schema([*typed_columns(contract), *ORIGIN_COLUMNS, GIVEN])


def value_columns(contract: Contract) -> list[str]:
    """Return the entity's columns but for its key: those that a change can change."""
    return [name for name, _ in typed_columns(contract) if name not in contract.key]


def rows_from_changes(changes: pa.Table, contract: Contract) -> pa.Table:
    """Return rows of the change log (columns of ``lake.changes``) as entity rows.

    A truncate gets a null key, whatever key its row names: it is of all keys.
    """
    is_truncate = pc.equal(changes["op"], TRUNCATE)
    made = {
        "_deleted": pc.is_in(changes["op"], pa.array(["d", TRUNCATE])),
        "_sequence": changes[str(contract.sequence_by)].cast(pa.int64()),
        "_change_id": changes["change_id"],
        "_event_time": changes[contract.event_time].cast(TIMESTAMP),
    }
    made |= {name: pc.if_else(is_truncate, None, changes[name]) for name in contract.key}
    schema = entity_row_schema(contract)
    columns = [made[name] if name in made else changes[name] for name in schema.names]
    return pa.table(columns, names=schema.names).cast(schema)


def rows_from_current(current: pa.Table, contract: Contract) -> pa.Table:
    """Return rows of the current table as entity rows; each is a whole row."""
    schema = entity_row_schema(contract)
    whole = pa.nulls(current.num_rows, GIVEN[1])
    columns = [whole if name == GIVEN[0] else current[name] for name in schema.names]
    return pa.table(columns, names=schema.names).cast(schema)
