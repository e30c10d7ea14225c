"""The form in which changes and current rows are folded together: one row a change, or a current row, of one key.

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
#: What is kept of a row's origin; the rest of CURRENT_META says when it was merged.
ORIGIN_COLUMNS = CURRENT_META[:6]


def entity_row_schema(contract: Contract) -> pa.Schema:
    """The columns of a row to be folded."""
    return pa.schema([*typed_columns(contract), *ORIGIN_COLUMNS, GIVEN])


def value_columns(contract: Contract) -> list[str]:
    """The entity's columns but for its key: what a change can change."""
    return [name for name, _ in typed_columns(contract) if name not in contract.key]


def rows_from_changes(changes: pa.Table, contract: Contract) -> pa.Table:
    """Rows of the change log (columns of ``lake.changes``) in the form to be folded. Truncates come with a null key.

    A truncate is of no key, whatever its row says.
    """
    keyless = pc.equal(changes["op"], TRUNCATE)
    made = {
        "_deleted": pc.is_in(changes["op"], pa.array(["d", TRUNCATE])),
        "_sequence": changes[str(contract.sequence_by)].cast(pa.int64()),
        "_change_id": changes["change_id"],
        "_event_time": changes[contract.event_time].cast(TIMESTAMP),
    }
    made |= {name: pc.if_else(keyless, None, changes[name]) for name in contract.key}
    schema = entity_row_schema(contract)
    columns = [made[name] if name in made else changes[name] for name in schema.names]
    return pa.table(columns, names=schema.names).cast(schema)


def rows_from_current(current: pa.Table, contract: Contract) -> pa.Table:
    """Rows of the current table in the form to be folded."""
    schema = entity_row_schema(contract)
    none = pa.nulls(current.num_rows, GIVEN[1])
    return pa.table([none if name == GIVEN[0] else current[name] for name in schema.names], names=schema.names).cast(
        schema
    )
