"""The list of published tables: which there are, and which table of the lake each of them shows. No database here, and no data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from spark_jobs.publish.checks import Check, checks_of
from spark_jobs.publish.names import column_name, table_name
from spark_jobs.publish.target import BOOKKEEPING, SCHEMA, SUMS, Entity, Target
from spark_jobs.schemas_gold import GOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_registry.subject import Subject
    from spark_jobs.lake import Lake

RAW_EVENTS = "raw_events"
#: A B-tree entry takes at most 2,704 bytes: longer keys are indexed by their SHA-256.
LONGEST_INDEXED = 500

#: The unique key of a gold table, where it has more columns than the key by which rows are replaced.
GOLD_KEYS = {
    "fact_orders": ("order_item_id",),
    "fact_payments": ("payment_id",),
    "waiting_facts": ("order_id", "kind", "id"),
    "orders_by_status": ("order_date", "status"),
    "top_products": ("order_date", "rank"),
    "daily_error_rate": ("event_date", "subject"),
}
GOLD_INDEXES = {
    "fact_orders": (("order_date",), ("order_id",), ("customer_id", "order_time"), ("product_id", "order_date")),
    "fact_payments": (("order_date",), ("order_id",)),
    "customer_lifetime_value": (("lifetime_value", "customer_id"),),
    "customer_segments": (("segment",),),
    "price_volatility": (("month",),),
}

RAW_COLUMNS = pa.schema(
    [
        ("subject", pa.string()),
        ("row_id", pa.string()),
        ("payload", pa.map_(pa.string(), pa.string())),
        ("raw", pa.string()),
        ("read_error", pa.list_(pa.struct([("code", pa.string()), ("field", pa.string()), ("detail", pa.string())]))),
        ("source", pa.string()),
        ("source_position", pa.int64()),
        ("source_time", pa.timestamp("us", tz="UTC")),
        ("source_fingerprint", pa.string()),
        ("ingested_at", pa.timestamp("us", tz="UTC")),
        ("ingest_date", pa.date32()),
    ]
)

STATUS_CHECK = Check("status", "known", "\"status\" IN ('open', 'resolved', 'discarded')")
#: The product's promise as a constraint: every row that is read is accounted for, or counted as unaccounted.
BALANCE_CHECK = Check(
    "rows_read", "balance", "rows_read = accepted + duplicate + dead_letter + coalesce(control, 0) + unaccounted"
)


def targets(lake: Lake, subjects: Sequence[Subject], *, raw_events: bool, schema: str = SCHEMA) -> tuple[Target, ...]:
    """Return every table that is published, in the order in which data flows through the lake."""
    published = [target for subject in subjects for target in _of_subject(lake, subject)]
    published += [_dead_letters(lake), _metrics(lake), *_of_gold(lake), _runs(lake)]
    if raw_events:
        published += [_raw(lake, subject) for subject in subjects]
    return tuple(replace(target, schema=schema) for target in published)


def name_clashes(published: Sequence[Target]) -> dict[str, str]:
    """Return tables of the lake whose name in Postgres is taken, each with a sentence on what to do.

    A table of the product has its name before one that is named by a subject.
    """
    taken = dict.fromkeys((*BOOKKEEPING, *SUMS), "Tallylake")
    refused = {}
    for target in sorted(published, key=lambda target: target.table.name.startswith("silver/")):
        owner = RAW_EVENTS if target.subject is not None else target.table.name
        other = taken.setdefault(target.name, owner)
        if other != owner:
            refused[target.table.name] = f"{other} is called {target.name} already: rename the subject"
    return refused


def entities(lake: Lake, subjects: Sequence[Subject], schema: str = SCHEMA) -> tuple[Entity, ...]:
    """Return the subjects of changes, as their views and point-in-time functions need them."""
    return tuple(
        Entity(
            table_name(subject.name),
            tuple(map(column_name, subject.latest.field_names)),
            _history_name(lake, subject),
            schema,
        )
        for subject in subjects
        if subject.kind == "changes"
    )


def _history_name(lake: Lake, subject: Subject) -> str | None:
    history = lake.history(subject)
    return table_name(history.name.removeprefix("gold/")) if history is not None else None


def _of_subject(lake: Lake, subject: Subject) -> list[Target]:
    return [_events(lake, subject)] if subject.kind == "events" else _changes(lake, subject)


def _events(lake: Lake, subject: Subject) -> Target:
    table, latest = lake.events(subject), subject.latest
    kinds = tuple(field.name for field in latest.fields if field.enum)[:1]
    indexes = ((latest.event_time,), ("event_date", *kinds))
    hashed = _too_long(subject)
    name = table_name(subject.name)
    return Target(name, table, table.schema, latest.key, "stream", checks_of(subject), indexes, hashed, events=True)


def _changes(lake: Lake, subject: Subject) -> list[Target]:
    current, history, latest = lake.current(subject), lake.history(subject), subject.latest
    references = tuple((f.name,) for f in latest.fields if f.type.name == "bigint" and f.name not in latest.key)
    hashed, checks = _too_long(subject), checks_of(subject)
    made = [Target(table_name(subject.name), current, current.schema, latest.key, "stream", checks, references, hashed)]
    if history is not None:
        by_key = (*(name for name in latest.key if name not in hashed), "valid_from")
        name = table_name(history.name.removeprefix("gold/"))
        made.append(Target(name, history, history.schema, history.key_columns, "stream", checks, (by_key,)))
    return made


def _too_long(subject: Subject) -> tuple[str, ...]:
    """Return the key columns that the contract does not keep short enough: one entry of the index holds all of them."""
    latest = subject.latest
    texts = [field for field in latest.fields if field.name in latest.key and field.type.name == "string"]
    most = LONGEST_INDEXED // max(1, len(texts))
    return tuple(field.name for field in texts if field.max_length is None or field.max_length > most)


def _dead_letters(lake: Lake) -> Target:
    table = lake.dead_letters
    newest = ("dead_lettered_at", "row_id")
    indexes = (newest, ("subject", *newest), ("status", *newest), ("reasons",))
    return Target("dead_letter_events", table, table.schema, ("row_id",), "stream", (STATUS_CHECK,), indexes)


def _metrics(lake: Lake) -> Target:
    table = lake.batch_quality
    counts = ("rows_read", "accepted", "late", "duplicate", "dead_letter")
    checks = (BALANCE_CHECK, *(Check(name, "min", f'"{name}" >= 0') for name in counts))
    indexes = (("started_at",), ("subject", "started_at"))
    key = ("subject", "query_id", "batch_id")
    return Target("data_quality_metrics", table, table.schema, key, "stream", checks, indexes)


def _of_gold(lake: Lake) -> list[Target]:
    made = []
    for name, gold in GOLD.items():
        table, key = lake.gold(name), GOLD_KEYS.get(name, gold.key_columns)
        made.append(Target(name, table, table.schema, key, "gold", indexes=GOLD_INDEXES.get(name, ())))
    return made


def _runs(lake: Lake) -> Target:
    return Target("gold_runs", lake.runs, lake.runs.schema, ("run_id",), "gold", indexes=(("run_number",),))


def _raw(lake: Lake, subject: Subject) -> Target:
    """Rows as received. A row that was read again has another ``ingested_at`` than at first: no two readings have one time."""
    key, indexes = ("row_id", "ingested_at"), (("subject", "ingested_at"),)
    table = lake.bronze(subject)
    return Target(RAW_EVENTS, table, RAW_COLUMNS, key, "raw", indexes=indexes, subject=subject.name)
