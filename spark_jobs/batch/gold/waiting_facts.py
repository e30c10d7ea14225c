"""Lines and payments whose order is not there, or no longer: no facts yet, but accounted for in gold/waiting_facts.

Live lines of Silver = lines among the facts + lines that wait (+ lines of dates that are held back or pending).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.changed_dates import order_ids
from spark_jobs.batch.gold.commits import Commit, prepare_update
from spark_jobs.batch.gold.inputs import live_rows
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys

if TYPE_CHECKING:
    from spark_jobs.batch.gold.inputs import Inputs
    from spark_jobs.storage.table import Table

#: The kinds of facts: the input, its key, its amount.
KINDS = {"line": ("order_items", "order_item_id", "line_total"), "payment": ("payments", "payment_id", "amount")}


def update_waiting_facts(table: Table, inputs: Inputs) -> tuple[Commit | None, dict[str, int]]:
    """Return the commit that brings gold/waiting_facts up to date (None: nothing changes), and how many of each kind then wait.

    Only orders with a change since the last run, in themselves, their lines or payments, are looked at; all of them where the
    changes are not known.
    """
    sales = inputs.changed_sales()
    orders = order_ids(sales.values()) if sales is not None else None
    existing = all_rows(table, table.schema.names)
    looked_at = existing["order_id"] if orders is None else orders
    is_looked_at = pc.is_in(existing["order_id"], value_set=pc.unique(looked_at))
    waiting = pa.concat_tables([_waiting_of_kind(table, inputs, kind, orders) for kind in KINDS])
    after = pa.concat_tables([waiting, existing.filter(pc.invert(is_looked_at))])
    counts = {kind: pc.sum(pc.equal(after["kind"], kind)).as_py() or 0 for kind in KINDS}
    return prepare_update(table, waiting, existing.filter(is_looked_at)), counts


def _waiting_of_kind(table: Table, inputs: Inputs, kind: str, orders: pa.Array | None) -> pa.Table:
    """Find the live rows of a kind whose order has no live row: of these orders, or of all."""
    name, key, amount = KINDS[kind]
    source, columns = inputs.tables[name], ["order_id", key, amount, "_deleted"]
    rows = all_rows(source, columns) if orders is None else rows_with_keys(source, orders, columns, by=("order_id",))
    rows = live_rows(rows)
    waiting = rows.filter(
        pc.invert(pc.is_in(rows["order_id"], value_set=_live_orders(inputs.tables["orders"], orders)))
    )
    kinds = pa.repeat(pa.scalar(kind, pa.string()), waiting.num_rows)
    values = {"order_id": waiting["order_id"], "kind": kinds, "id": waiting[key], "amount": waiting[amount]}
    return pa.table([values[field] for field in table.schema.names], schema=table.schema)


def _live_orders(table: Table, orders: pa.Array | None) -> pa.Array:
    """Return the ids of the orders that ``transforms.star.live_orders`` takes."""
    columns = ["order_id", "customer_id", "order_date", "_deleted"]
    rows = live_rows(all_rows(table, columns) if orders is None else rows_with_keys(table, orders, columns))
    is_known = pc.and_(pc.is_valid(rows["customer_id"]), pc.is_valid(rows["order_date"]))
    return rows.filter(is_known)["order_id"].combine_chunks()
