"""The columns of the star, the marts and the record of runs, as Arrow types. What each column means stands in docs/gold.md."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from spark_jobs.schemas import TIMESTAMP

DATE = pa.date32()
#: One amount as a contract types it, and a sum of them as Spark does.
MONEY = pa.decimal128(18, 2)
SUM = pa.decimal128(28, 2)
#: A share of one, and any other ratio.
SHARE = pa.decimal128(9, 6)
RATIO = pa.decimal128(18, 6)


@dataclass(frozen=True, slots=True)
class GoldTable:
    """A table of gold: its columns, and ``key_columns`` by which rows are replaced, which several rows may share.

    ``dated``: rows belong to a date, the column of that name, and are replaced with it; otherwise the table is one whole.
    ``stats``: further columns whose minimum and maximum stand in the log. Unique keys are in ``publish.targets.GOLD_KEYS``.
    """

    columns: tuple[tuple[str, pa.DataType], ...]
    key_columns: tuple[str, ...]
    dated: str | None = None
    stats: tuple[str, ...] = field(default=())

    @property
    def schema(self) -> pa.Schema:
        """The columns as an Arrow schema."""
        return pa.schema(self.columns)


DIM_DATE = GoldTable(
    (
        ("date_key", pa.int32()),
        ("date", DATE),
        ("year", pa.int32()),
        ("quarter", pa.int32()),
        ("month", pa.int32()),
        ("month_name", pa.string()),
        ("iso_year", pa.int32()),
        ("iso_week", pa.int32()),
        ("day", pa.int32()),
        ("day_of_year", pa.int32()),
        ("day_of_week", pa.int32()),
        ("day_name", pa.string()),
        ("is_weekend", pa.bool_()),
        ("is_month_end", pa.bool_()),
        ("is_holiday", pa.bool_()),
        ("holiday_name", pa.string()),
    ),
    key_columns=("date_key",),
)

FACT_ORDERS = GoldTable(
    (
        ("order_item_id", pa.int64()),
        ("order_id", pa.int64()),
        ("date_key", pa.int32()),
        ("order_time", TIMESTAMP),
        ("customer_id", pa.int64()),
        ("customer_key", pa.int64()),
        ("product_id", pa.int64()),
        ("product_key", pa.int64()),
        ("status", pa.string()),
        ("quantity", pa.int32()),
        ("unit_price", MONEY),
        ("line_total", MONEY),
        ("order_date", DATE),
    ),
    key_columns=("order_date",),
    dated="order_date",
    stats=("order_item_id", "order_id", "customer_id", "product_id"),
)

FACT_PAYMENTS = GoldTable(
    (
        ("payment_id", pa.int64()),
        ("order_id", pa.int64()),
        ("date_key", pa.int32()),
        ("customer_id", pa.int64()),
        ("customer_key", pa.int64()),
        ("method", pa.string()),
        ("status", pa.string()),
        ("amount", MONEY),
        ("paid_at", TIMESTAMP),
        ("order_date", DATE),
    ),
    key_columns=("order_date",),
    dated="order_date",
    stats=("payment_id", "order_id", "customer_id"),
)

INFERRED_MEMBERS = GoldTable(
    (
        ("dimension", pa.string()),
        ("member_key", pa.int64()),
        ("natural_key", pa.int64()),
        ("first_order_time", TIMESTAMP),
        ("facts", pa.int64()),
    ),
    key_columns=("dimension", "member_key"),
)

WAITING_FACTS = GoldTable(
    (("order_id", pa.int64()), ("kind", pa.string()), ("id", pa.int64()), ("amount", MONEY)),
    key_columns=("order_id",),
)

DAILY_GMV = GoldTable(
    (
        ("order_date", DATE),
        ("orders", pa.int64()),
        ("customers", pa.int64()),
        ("units", pa.int64()),
        ("gmv", SUM),
        ("cancelled_orders", pa.int64()),
        ("cancelled_amount", SUM),
        ("average_order_value", SUM),
    ),
    key_columns=("order_date",),
    dated="order_date",
)

ORDERS_BY_STATUS = GoldTable(
    (("order_date", DATE), ("status", pa.string()), ("orders", pa.int64()), ("amount", SUM), ("share", SHARE)),
    key_columns=("order_date",),
    dated="order_date",
)

REFUND_RATE = GoldTable(
    (
        ("order_date", DATE),
        ("paid_orders", pa.int64()),
        ("paid_amount", SUM),
        ("refunded_orders", pa.int64()),
        ("refunded_amount", SUM),
        ("refund_rate", SHARE),
    ),
    key_columns=("order_date",),
    dated="order_date",
)

TOP_PRODUCTS = GoldTable(
    (
        ("order_date", DATE),
        ("rank", pa.int32()),
        ("product_id", pa.int64()),
        ("product_name", pa.string()),
        ("category", pa.string()),
        ("orders", pa.int64()),
        ("units", pa.int64()),
        ("revenue", SUM),
    ),
    key_columns=("order_date",),
    dated="order_date",
)

BASIC_RETENTION = GoldTable(
    (
        ("cohort_month", DATE),
        ("months_since", pa.int32()),
        ("cohort_customers", pa.int64()),
        ("active_customers", pa.int64()),
        ("retention_rate", SHARE),
    ),
    key_columns=("cohort_month", "months_since"),
)

CUSTOMER_LIFETIME_VALUE = GoldTable(
    (
        ("customer_id", pa.int64()),
        ("first_order_date", DATE),
        ("last_order_date", DATE),
        ("orders", pa.int64()),
        ("units", pa.int64()),
        ("gross_amount", SUM),
        ("refunded_amount", SUM),
        ("lifetime_value", SUM),
        ("average_order_value", SUM),
    ),
    key_columns=("customer_id",),
)

CUSTOMER_SEGMENTS = GoldTable(
    (
        ("customer_id", pa.int64()),
        ("as_of_date", DATE),
        ("recency_days", pa.int32()),
        ("frequency", pa.int64()),
        ("monetary", SUM),
        ("recency_score", pa.int32()),
        ("frequency_score", pa.int32()),
        ("monetary_score", pa.int32()),
        ("segment", pa.string()),
        ("declared_segment", pa.string()),
    ),
    key_columns=("customer_id",),
)

PRICE_VOLATILITY = GoldTable(
    (
        ("product_id", pa.int64()),
        ("month", DATE),
        ("product_name", pa.string()),
        ("price_changes", pa.int64()),
        ("opening_price", MONEY),
        ("closing_price", MONEY),
        ("min_price", MONEY),
        ("max_price", MONEY),
        ("average_price", RATIO),
        ("volatility", RATIO),
    ),
    key_columns=("product_id", "month"),
)

DAILY_ERROR_RATE = GoldTable(
    (
        ("event_date", DATE),
        ("subject", pa.string()),
        ("accepted", pa.int64()),
        ("dead_letters", pa.int64()),
        ("error_rate", SHARE),
    ),
    key_columns=("event_date",),
    dated="event_date",
)

#: Every table that a gold run writes, in the order in which it does. dim_customer and dim_product are written by the stream.
GOLD: dict[str, GoldTable] = {
    "dim_date": DIM_DATE,
    "fact_orders": FACT_ORDERS,
    "fact_payments": FACT_PAYMENTS,
    "inferred_members": INFERRED_MEMBERS,
    "waiting_facts": WAITING_FACTS,
    "daily_gmv": DAILY_GMV,
    "orders_by_status": ORDERS_BY_STATUS,
    "refund_rate": REFUND_RATE,
    "top_products": TOP_PRODUCTS,
    "basic_retention": BASIC_RETENTION,
    "customer_lifetime_value": CUSTOMER_LIFETIME_VALUE,
    "customer_segments": CUSTOMER_SEGMENTS,
    "price_volatility": PRICE_VOLATILITY,
    "daily_error_rate": DAILY_ERROR_RATE,
}

COUNTS = pa.map_(pa.string(), pa.int64())
GATE_RESULT = pa.struct(
    [
        ("gate", pa.string()),
        ("date", DATE),
        ("passed", pa.bool_()),
        ("accepted", pa.bool_()),
        ("failing", pa.int64()),
        ("detail", pa.string()),
        ("rows", pa.list_(pa.string())),
    ]
)
#: A table as a run read it: its identity and version; -1 where it was not there.
INPUT = pa.struct([("table", pa.string()), ("id", pa.string()), ("version", pa.int64())])

#: The record of runs, one row each, written last. The newest also says what later runs have to do.
RUNS = pa.schema(
    [
        ("run_id", pa.string()),
        ("lineage", pa.string()),
        ("run_number", pa.int64()),
        ("command", pa.string()),
        ("run_date", DATE),
        ("start_date", DATE),
        ("end_date", DATE),
        ("status", pa.string()),
        ("started_at", TIMESTAMP),
        ("runtime_seconds", pa.float64()),
        ("processed_events_count", pa.int64()),
        ("output_row_counts", COUNTS),
        ("rows_written", COUNTS),
        ("dates_built", pa.list_(DATE)),
        ("dates_held", pa.list_(DATE)),
        ("dates_pending", pa.list_(DATE)),
        ("waiting_lines", pa.int64()),
        ("waiting_payments", pa.int64()),
        ("gates", pa.list_(GATE_RESULT)),
        ("inputs", pa.list_(INPUT)),
    ]
)
