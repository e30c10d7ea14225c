"""Lines and payments whose order is not there, or no longer: no facts yet, and yet accounted for, in gold/waiting_facts.

Live lines of Silver = lines among the facts + lines that wait (+ lines of dates that are held back or pending).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.changed_dates import order_ids
from spark_jobs.batch.gold.commits import Commit, prepare_update
from spark_jobs.batch.gold.inputs import live
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys

if TYPE_CHECKING:
    from spark_jobs.batch.gold.inputs import Inputs
    from spark_jobs.storage.table import Table

#: The kinds of facts: the input, its key, its amount.
KINDS = {"line": ("order_items", "order_item_id", "line_total"), "payment": ("payments", "payment_id", "amount")}


def update_waiting_facts(table: Table, inputs: Inputs) -> tuple[Commit | None, dict[str, int]]:
    """What brings gold/waiting_facts up to date, and how many of each kind wait then.

    Only the orders that something changed about since the last run are looked at; all, where that cannot be told.
    """
    sales = inputs.changed_sales()
    orders = order_ids(sales.values()) if sales is not None else None
    existing = all_rows(table, table.schema.names)
    looked_at = existing["order_id"] if orders is None else orders
    is_mine = pc.is_in(existing["order_id"], value_set=pc.unique(looked_at))
    found = pa.concat_tables([_of_kind(table, inputs, kind, orders) for kind in KINDS])
    after = pa.concat_tables([found, existing.filter(pc.invert(is_mine))])
    counts = {kind: pc.sum(pc.equal(after["kind"], kind)).as_py() or 0 for kind in KINDS}
    return prepare_update(table, found, existing.filter(is_mine)), counts


def _of_kind(table: Table, inputs: Inputs, kind: str, orders: pa.Array | None) -> pa.Table:
    """The live rows of a kind whose order has no live row: of these orders, or of all."""
    name, key, amount = KINDS[kind]
    source, columns = inputs.tables[name], ["order_id", key, amount, "_deleted"]
    rows = all_rows(source, columns) if orders is None else rows_with_keys(source, orders, columns, by=("order_id",))
    rows = live(rows)
    bare = rows.filter(pc.invert(pc.is_in(rows["order_id"], value_set=_live_orders(inputs.tables["orders"], orders))))
    kinds = pa.repeat(pa.scalar(kind, pa.string()), bare.num_rows)
    values = {"order_id": bare["order_id"], "kind": kinds, "id": bare[key], "amount": bare[amount]}
    return pa.table([values[field] for field in table.schema.names], schema=table.schema)


def _live_orders(table: Table, orders: pa.Array | None) -> pa.Array:
    """The orders that ``transforms.star.live_orders`` takes."""
    columns = ["order_id", "customer_id", "order_date", "_deleted"]
    rows = live(all_rows(table, columns) if orders is None else rows_with_keys(table, orders, columns))
    is_known = pc.and_(pc.is_valid(rows["customer_id"]), pc.is_valid(rows["order_date"]))
    return rows.filter(is_known)["order_id"].combine_chunks()
