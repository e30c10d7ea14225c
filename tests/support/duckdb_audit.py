"""The promise, recomputed from a lake's Delta tables by DuckDB: an auditor that shares no code with the product.

It knows the documented tables and columns alone (docs/design.md), so a fault that the product and its own `tally audit` share
would show here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

if TYPE_CHECKING:
    from collections.abc import Iterator

IDS = pa.schema([("row_id", pa.string())])
FINDINGS = {
    "accepted or dead-lettered more than once": """
        select row_id from verdicts where kind <> 'duplicate' group by row_id having count(*) > 1""",
    "judged but not in Bronze": "select row_id from verdicts where row_id not in (select row_id from bronze)",
    "judged otherwise than it was read": """
        select row_id from (select row_id, count(*) * $readings as read from bronze group by row_id) as b
        left join (select row_id, count(*) as judged from verdicts group by row_id) as v using (row_id)
        where coalesce(judged, 0) <> read""",
    "a batch whose books differ from the tables": """
        select b.query_id || ' ' || b.batch_id from books as b
        left join (select query_id, batch_id, count(*) filter (kind = 'accepted') as accepted,
                   count(*) filter (kind = 'duplicate') as duplicate, count(*) filter (kind = 'dead letter') as dead_letter
                   from verdicts group by all) as v using (query_id, batch_id)
        where (b.accepted, b.duplicate, b.dead_letter)
            is distinct from (coalesce(v.accepted, 0), coalesce(v.duplicate, 0), coalesce(v.dead_letter, 0))""",
    "a batch without its line in the books": """
        select distinct query_id || ' ' || batch_id from verdicts
        where (query_id, batch_id) not in (select (query_id, batch_id) from books)""",
    "a batch with two lines in the books": """
        select query_id || ' ' || batch_id from books group by query_id, batch_id having count(*) > 1""",
    "a batch that does not balance": """
        select query_id || ' ' || batch_id from books
        where unaccounted <> 0 or rows_read <> accepted + duplicate + dead_letter + control""",
    "a file whose rows differ from the ingest ledger": """
        select source from (select source, sum(rows) as said from files group by source) as f
        full join (select source, count(*) as held from bronze group by source) as b using (source)
        where coalesce(said, 0) <> coalesce(held, 0)""",
}


def discrepancies(lake: Path, subject: str, *, readings: int = 1) -> list[str]:
    """What does not add up for a subject whose landed rows have all been judged; empty where the promise holds.

    ``readings``: how often refine read all of Bronze (once more for each time its checkpoint was deleted).
    """
    with duckdb.connect() as con:
        for name, rows in _tables(Path(lake), subject):
            con.register(name, rows)
        con.execute("create table verdicts as select 'accepted' as kind, row_id, query_id, batch_id from accepted")
        con.execute("insert into verdicts select 'duplicate', row_id, query_id, batch_id from duplicates")
        con.execute("insert into verdicts select 'dead letter', row_id, query_id, batch_id from dead_letters")
        return [f"{what}: {where}" for what, sql in FINDINGS.items() for where in _found(con, sql, readings)]


def counts(lake: Path, subject: str) -> dict[str, int]:
    """How many rows each of the subject's tables of verdicts holds, and Bronze."""
    return {name: rows.num_rows for name, rows in _tables(Path(lake), subject)}


def _found(con: duckdb.DuckDBPyConnection, sql: str, readings: int) -> list[str]:
    parameters = {"readings": readings} if "$readings" in sql else None
    return sorted(str(row[0]) for row in con.execute(sql, parameters).fetchall())


def _tables(lake: Path, subject: str) -> Iterator[tuple[str, pa.Table]]:
    log = lake / "silver" / f"{subject}_changes"
    judged = pa.schema([*IDS, ("query_id", pa.string()), ("batch_id", pa.int64())])
    figures = [(name, pa.int64()) for name in ("rows_read", "accepted", "duplicate", "dead_letter", "control")]
    books = pa.schema([*list(judged)[1:], *[pa.field(*one) for one in figures], pa.field("unaccounted", pa.int64())])
    yield "bronze", _rows(lake / "bronze" / subject, pa.schema([*IDS, ("source", pa.string())]))
    yield "accepted", _rows(log if log.is_dir() else lake / "silver" / subject, judged)
    yield "duplicates", _rows(lake / "ops" / "duplicates", judged, subject)
    yield "dead_letters", _rows(lake / "ops" / "dead_letters", judged, subject)
    yield "books", _rows(lake / "ops" / "batch_quality", books, subject)
    yield "files", _rows(lake / "ops" / "files", pa.schema([("source", pa.string()), ("rows", pa.int64())]), subject)


def _rows(path: Path, schema: pa.Schema, subject: str | None = None) -> pa.Table:
    if not (path / "_delta_log").is_dir():
        return schema.empty_table()
    names = ", ".join(f'"{name}"' for name in schema.names)
    rows = duckdb.from_arrow(DeltaTable(path).to_pyarrow_dataset())
    chosen = rows if subject is None else rows.filter(f"subject = '{subject}'")
    return pa.table(chosen.select(names).to_arrow_table()).cast(schema)
