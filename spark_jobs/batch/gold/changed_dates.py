"""The dates whose facts may differ, by what changed between the table versions that two runs read.

A date is affected by a change of its orders, of their lines or payments, and of the version of a customer or product that was
valid when one of its orders was placed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.batch.gold.inputs import live_rows
from spark_jobs.storage.difference import difference
from spark_jobs.storage.key_lookup import all_rows, rows_with_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from spark_jobs.batch.gold.inputs import Inputs
    from spark_jobs.lake import Lake
    from spark_jobs.storage.difference import Difference
    from spark_jobs.storage.table import Table

#: Columns of a dimension that marts with a date read: a change of one, also within a version, builds the date again. Without its
#: column here a dated mart would stay as it was. Tracked columns make a new version, which is seen anyway.
FIELDS_OF_DATED_MARTS = {"customers": (), "products": ("product_name", "category")}
DIMENSIONS = {"customers": "customer", "products": "product"}


def changed_dates(lake: Lake, inputs: Inputs) -> set[date] | None:
    """Return the dates whose facts may differ from those of the last run; None where the changes are not known."""
    sales = inputs.changed_sales()
    versions = {name: inputs.changed(name, _version_columns(name)) for name in DIMENSIONS}
    known = {name: changed for name, changed in versions.items() if changed is not None}
    if sales is None or len(known) < len(versions):
        return None
    dates = _dates_of(_live_sides(sales["orders"])["order_date"])
    dates |= _dates_of_orders(inputs.tables["orders"], [sales["order_items"], sales["payments"]])
    for name in DIMENSIONS:
        dates |= _dates_of_versions(lake.gold("fact_orders"), name, known[name])
    return dates | _dates_of_paid_orders_without_lines(lake, known["customers"])


def all_dates(lake: Lake, inputs: Inputs) -> set[date]:
    """Return every date that has an order or is published."""
    orders = all_rows(inputs.tables["orders"], ["order_date", "_deleted"])
    return _dates_of(live_rows(orders)["order_date"]) | released_dates(lake)


def released_dates(lake: Lake) -> set[date]:
    """Return the dates that have facts."""
    facts = [all_rows(lake.gold(name), ["order_date"])["order_date"] for name in ("fact_orders", "fact_payments")]
    return {day for column in facts for day in pc.unique(column).to_pylist()}


def order_ids(changed: Iterable[Difference]) -> pa.Array:
    """Return the ids of the orders that changed rows belong to, each once. A tombstone may name none; the row before it does."""
    columns = [_live_sides(each)["order_id"] for each in changed]
    return pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.int64()))


def _version_columns(name: str) -> tuple[str, ...]:
    dimension = DIMENSIONS[name]
    return (f"{dimension}_id", f"{dimension}_key", "valid_from", "valid_to", *FIELDS_OF_DATED_MARTS[name])


def _live_sides(changed: Difference) -> pa.Table:
    """Return the rows before and after, without tombstones."""
    return live_rows(pa.concat_tables([changed.before, changed.after]))


def _dates_of(moments: pa.ChunkedArray) -> set[date]:
    return set(pc.unique(pc.drop_null(moments.cast(pa.timestamp("us")).cast(pa.date32(), safe=False))).to_pylist())


def _dates_of_orders(orders: Table, changed: Sequence[Difference]) -> set[date]:
    """Return the dates of the orders whose lines or payments changed; those of orders whose own row changed are known already."""
    rows = rows_with_keys(orders, order_ids(changed), ["order_date", "_deleted"])
    return _dates_of(live_rows(rows)["order_date"])


def _dates_of_versions(facts: Table, name: str, changed: Difference) -> set[date]:
    """Return the dates of facts that now point to another version than before, or to one that shows something else."""
    dimension = DIMENSIONS[name]
    natural = f"{dimension}_id"
    ids = pc.unique(pa.concat_tables([changed.before, changed.after])[natural])
    rows = rows_with_keys(facts, ids, [natural, "order_time", "order_date"], by=(natural,))
    rows = rows.append_column("_row", pa.array(range(rows.num_rows), pa.int64()))
    before, after = (_with_versions(rows, side, natural) for side in (changed.before, changed.after))
    affected = difference(before, after)
    return set(pc.unique(pa.concat_tables([affected.before, affected.after])["order_date"]).to_pylist())


def _with_versions(rows: pa.Table, versions: pa.Table, natural: str) -> pa.Table:
    """Return each fact with the version that was valid when its order was placed; facts without one are left out."""
    pairs = rows.join(versions, natural, join_type="inner")
    moment = pairs["order_time"]
    is_valid = pc.and_(pc.less_equal(pairs["valid_from"], moment), pc.less(moment, pairs["valid_to"]))
    return pairs.filter(is_valid).drop_columns(["valid_from", "valid_to"])


def _dates_of_paid_orders_without_lines(lake: Lake, changed: Difference) -> set[date]:
    """Return the dates of paid orders without a line whose customer's versions changed; all others are found by their lines."""
    ids = pc.unique(pa.concat_tables([changed.before, changed.after])["customer_id"])
    paid = rows_with_keys(lake.gold("fact_payments"), ids, ["order_id", "order_date"], by=("customer_id",))
    lines = rows_with_keys(lake.gold("fact_orders"), ids, ["order_id"], by=("customer_id",))
    without_lines = paid.filter(pc.invert(pc.is_in(paid["order_id"], value_set=pc.unique(lines["order_id"]))))
    return set(pc.unique(without_lines["order_date"]).to_pylist())
