"""A version that gives columns other types, taken in by a lake that has them: refused by the stream, done by a rebuild.

Covers rebuild/run, contents and microbatch/swap.
"""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from support.lakes import new_workspace, rebuild

from schema_registry.registry import CONTRACTS
from spark_jobs.batch.rebuild.contents import VERDICTS
from spark_jobs.errors import UsageError
from spark_jobs.microbatch import swap as swap_module
from spark_jobs.microbatch.swap import begin_swap, finish_swap
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import SchemaConflictError, ensure_table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession
    from support.lakes import Workspace

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake
    from spark_jobs.storage.table import Table

FIRST = "change_id,op,event_ts,seq,product_id,name,category,brand,price\n"
SECOND = "change_id,op,event_ts,seq,product_id,product_name,category,brand,price,cost,description\n"
RETYPED = {"product_id": ("int", "bigint"), "price": ("decimal(10,2)", "decimal(18,2)")}
COLUMNS = {"product_id": "bigint", "price": "decimal(18,2)", "cost": "decimal(18,2)", "product_name": "string"}

READINGS = """\
subject: readings
version: {version}
kind: events
key: [reading_id]
event_time: taken_at
fields:
  reading_id: {{type: string, required: true}}
  taken_at:   {{type: timestamp, required: true}}
  meter:      {{type: {type_}, required: true}}
"""


def first(change_id: str, op: str, minute: int, seq: int, key: int = 1, price: str = "9.99") -> str:
    cells = ",,," if op == "d" else f"Cup,home,,{price}"
    return f"{change_id},{op},2026-01-05T10:{minute:02}:00Z,{seq},{key},{cells}\n"


def second(change_id: str, minute: int, seq: int, key: int, price: str) -> str:
    return f"{change_id},u,2026-01-05T11:{minute:02}:00Z,{seq},{key},Mug,home,,{price},4.00,\n"


def publish(root: Path, subject: str, version: int, text: str | None = None) -> None:
    """Put one version into the registry under ``root``; the repository's where no text is given."""
    folder = root / "contracts" / subject
    folder.mkdir(parents=True, exist_ok=True)
    given = text or (CONTRACTS / subject / f"v{version}.yaml").read_text(encoding="utf-8")
    (folder / f"v{version}.yaml").write_text(given, encoding="utf-8")


def home_of(root: Path) -> Workspace:
    """The workspace with its registry as it now stands."""
    return new_workspace(root, root / "contracts")


def own_tables(workspace: Workspace, subject: str) -> list[Table]:
    """The tables that hold one subject's rows alone, apart from Bronze."""
    return [
        table for table in workspace.lake.refine_tables(workspace.subject(subject)) if not table.name.startswith("ops/")
    ]


def versions(tables: list[Table]) -> dict[str, int]:
    return {table.name: DeltaTable(table.path).version() for table in tables}


def types(spark: SparkSession, path: str) -> dict[str, str]:
    return dict(spark.read.format("delta").load(path).dtypes)


def surrogates(workspace: Workspace) -> dict[tuple[int, Any], int]:
    history = workspace.lake.history(workspace.subject("products"))
    assert history is not None
    return {(row["product_id"], row["valid_from"]): row["product_key"] for row in workspace.rows(history)}


def test_products_take_in_a_version_with_wider_numbers_by_a_rebuild_and_in_no_other_way(
    spark: SparkSession, tmp_path: Path
) -> None:
    publish(tmp_path, "products", 1)
    old = home_of(tmp_path)
    one = first("a", "c", 0, 1) + first("e", "u", 10, 2, price="11.00") + first("b", "u", 20, 5, price="12.50")
    two = first("c", "c", 5, 4, key=2) + first("d", "d", 6, 6, key=2)
    old.drop("a.csv", FIRST + one + two + first("x", "c", 0, 3, price="-1"), "products")
    old.drain(spark, "products")
    keys, tables = surrogates(old), own_tables(old, "products")
    before = versions(tables)

    publish(tmp_path, "products", 2)
    workspace = home_of(tmp_path)
    with pytest.raises(
        SchemaConflictError,
        match=r"^silver/products_changes: column 'product_id' is int in the table but bigint in the contract; "
        r"a `tally rebuild` of the subject makes .*, or keep the type in the contract$",
    ):
        workspace.drain(spark, "products")
    with pytest.raises(UsageError, match=r"'product_id' is int .* run `tally rebuild products` without --verify") as no:
        rebuild(workspace, spark, "products", verify=True)
    assert no.value.exit_code == 2
    assert versions(tables) == before
    assert not workspace.lake.shadow("products").root.exists()

    done = rebuild(workspace, spark, "products", verify=False)
    assert done.equal, done.compared
    assert done.retyped == {table.name: RETYPED for table in tables}
    assert {c.table: (c.live, c.rebuilt) for c in done.compared} == {
        "silver/products_changes": (5, 5),
        "silver/products": (2, 2),
        "gold/dim_product": (4, 4),
        "ops/dead_letters": (1, 1),
        VERDICTS: (6, 6),
    }
    for table in tables:
        assert types(spark, table.path).items() >= COLUMNS.items()
        assert "name" not in types(spark, table.path)
        assert {row["product_name"] for row in workspace.rows(table)} <= {"Cup", None}
        was = spark.read.format("delta").option("versionAsOf", done.before[table.name]).load(table.path)
        assert dict(was.dtypes)["product_id"] == "int"
        assert was.count() == next(c.live for c in done.compared if c.table == table.name)
        at = DeltaTable(table.path, version=done.before[table.name])
        assert {field.name: field.type.type for field in at.schema().fields}["product_id"] == "integer"
    assert surrogates(workspace) == keys
    (current,) = [
        row for row in workspace.rows(workspace.lake.current(workspace.subject("products"))) if not row["_deleted"]
    ]
    assert (current["product_id"], current["product_name"], current["price"]) == (1, "Cup", Decimal("12.50"))
    assert workspace.audit(spark, "products").balanced

    wide = 5_000_000_000
    rows = second("f", 0, 7, wide, "123456789012.00") + second("g", 1, 8, 1, "13.00")
    workspace.drop("c.csv", SECOND + rows + second("b", 1, 5, 1, "1.00"), "products")
    (books,) = workspace.drain(spark, "products")
    assert (books.rows_read, books.accepted, books.duplicate) == (3, 2, 1)
    found = workspace.audit(spark, "products")
    assert found.balanced, found.findings
    after = surrogates(workspace)
    assert {at: after[at] for at in keys} == keys
    assert wide in {key for key, _ in after}
    verified = rebuild(workspace, spark, "products", verify=True)
    assert (verified.equal, verified.retyped) == (True, {})


class Killed(BaseException):
    """As a kill would: nothing in between catches it."""


def test_a_swap_of_events_with_a_wider_field_killed_at_its_commit_is_finished_by_the_stream(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, "readings", 1, READINGS.format(version=1, type_="int"))
    old = home_of(tmp_path)
    head = "reading_id,taken_at,meter\n"
    old.drop("a.csv", f"{head}r1,2026-01-05T10:00:00Z,7\nr2,2026-01-06T10:00:00Z,x\n", "readings")
    old.drain(spark, "readings")
    publish(tmp_path, "readings", 2, READINGS.format(version=2, type_="bigint"))
    workspace = home_of(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(swap_module, "_swap_checkpoints", _dies)
        with pytest.raises(Killed):
            rebuild(workspace, spark, "readings", verify=False)
    workspace.drop("b.csv", f"{head}r3,2026-01-06T10:00:00Z,5000000000\nr1,2026-01-05T10:00:00Z,7\n", "readings")
    (books,) = workspace.drain(spark, "readings")
    assert (books.rows_read, books.accepted, books.duplicate) == (2, 1, 1)
    silver = workspace.lake.silver(workspace.subject("readings"))
    assert {row["reading_id"]: row["meter"] for row in workspace.rows(silver)} == {"r1": 7, "r3": 5_000_000_000}
    read = {row.reading_id: row.meter for row in spark.read.format("delta").load(silver.path).collect()}
    assert read == {"r1": 7, "r3": 5_000_000_000}
    assert workspace.audit(spark, "readings").balanced
    assert rebuild(workspace, spark, "readings", verify=True).equal


def _dies(*_: Any) -> None:
    raise Killed


@pytest.fixture
def begun(tmp_path: Path) -> tuple[Lake, Subject]:
    """A lake of products v1 whose change log has a row and whose other tables are empty, with a shadow of v2 that is empty."""
    publish(tmp_path, "products", 1)
    old, lake = home_of(tmp_path).subject("products"), home_of(tmp_path).lake
    for table in lake.refine_tables(old):
        ensure_table(table)
    row = pa.Table.from_pylist(
        [{"change_id": "a", "product_id": 1, "price": Decimal("9.99")}], lake.changes(old).schema
    )
    append_once(lake.changes(old), write_parts(lake.changes(old), row), writer="w", version=0)
    publish(tmp_path, "products", 2)
    new = home_of(tmp_path).subject("products")
    shadow = lake.shadow("products")
    for table in shadow.refine_tables(new):
        ensure_table(table)
    made = shadow.checkpoint("products", "refine")
    made.mkdir(parents=True)
    (made / "metadata").write_text(json.dumps({"id": "query"}), encoding="utf-8")
    return lake, new


def test_the_new_columns_come_in_the_commit_that_takes_the_old_files_out_also_where_no_row_comes_in(
    begun: tuple[Lake, Subject],
) -> None:
    lake, subject = begun
    changes, tables = lake.changes(subject), (lake.changes(subject), *lake.tables_with_key(subject))
    before = {table.name: DeltaTable(table.path) for table in tables}
    begin_swap(lake, subject)
    assert versions(list(tables)) == {name: found.version() for name, found in before.items()}
    swap = finish_swap(lake, "products")
    assert swap is not None
    for table in tables:
        found, was = DeltaTable(table.path), before[table.name]
        assert found.version() == was.version() + 1
        assert pa.schema(found.schema().to_arrow()).names == table.schema.names
        ensure_table(table)
        assert DeltaTable(table.path).version() == found.version()
        kept = [(t.metadata().id, t.metadata().partition_columns, t.metadata().configuration) for t in (found, was)]
        assert kept[0] == kept[1]
        assert pa.table(found.scan().read_all()).num_rows == 0
    old = DeltaTable(changes.path, version=before[changes.name].version()).to_pyarrow_table()
    assert pc.sum(old["price"]).as_py() == Decimal("9.99")
    assert old.schema.field("price").type == pa.decimal128(10, 2)


def test_a_journal_from_before_schemas_were_swapped_is_finished_with_the_columns_that_are_there(
    begun: tuple[Lake, Subject],
) -> None:
    lake, subject = begun
    begin_swap(lake, subject)
    journal = lake.swap_journal("products")
    plain = json.loads(journal.read_text(encoding="utf-8"))["facts"]
    for table in plain["tables"]:
        del table["schema"]
    journal.write_text(json.dumps(plain), encoding="utf-8")
    finish_swap(lake, "products")
    assert "name" in {field.name for field in DeltaTable(lake.changes(subject).path).schema().fields}


def test_a_table_that_other_subjects_share_takes_no_columns_from_a_swap(begun: tuple[Lake, Subject]) -> None:
    lake, subject = begun
    shared = lake.dead_letters
    shutil.rmtree(shared.path)
    at = shared.schema.get_field_index("attempts")
    narrow = shared.schema.set(at, pa.field("attempts", pa.int64()))
    ensure_table(type(shared)(shared.name, shared.path, narrow, shared.partition_by))
    with pytest.raises(SchemaConflictError, match="ops/dead_letters: column 'attempts' is bigint in the table but int"):
        begin_swap(lake, subject)
    assert not lake.swap_journal("products").exists()
