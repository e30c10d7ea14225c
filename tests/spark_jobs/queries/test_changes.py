"""Changes through the real queries: current rows, tombstones, history and books, done once, done twice, and interrupted.

Covers: spark_jobs.queries.apply_changes, spark_jobs.transforms.late_keys.
"""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.lakes import Workspace, dies_once_a_table, new_workspace

from spark_jobs.microbatch import commit as microbatch_commit
from spark_jobs.queries import books as books_module
from spark_jobs.storage.replace import replace_once

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from spark_jobs.storage.table import Table

HEADER = "change_id,op,event_ts,seq,product_id,product_name,category,brand,price,cost,description\n"


def product(change_id: str, op: str, minute: int, seq: int, key: int = 1, price: str = "9.99", text: str = "") -> str:
    values = ["Cup", "home", "", price, "4.00", text] if op != "d" else [""] * 6
    return f"{change_id},{op},2026-01-05T10:{minute:02}:00Z,{seq},{key},{','.join(values)}\n"


def at(minute: int) -> datetime:
    return datetime(2026, 1, 5, 10, minute, tzinfo=UTC)


def history(workspace: Workspace, key: int = 1) -> list[tuple[Any, ...]]:
    table = workspace.lake.history(workspace.subject("products"))
    assert table is not None
    found = [row for row in workspace.rows(table) if row["product_id"] == key]
    names = ("version", "valid_from", "valid_to", "is_current", "price")
    return [
        (*[row[name] for name in names[:-1]], str(row["price"])) for row in sorted(found, key=lambda r: r["version"])
    ]


def current(workspace: Workspace) -> dict[int, tuple[Any, ...]]:
    rows = workspace.rows(workspace.lake.current(workspace.subject("products")))
    return {row["product_id"]: (row["_deleted"], row["_sequence"], row["_change_id"], row["price"]) for row in rows}


OPEN = datetime(9999, 12, 31, tzinfo=UTC)


def test_changes_become_current_rows_history_and_balanced_books(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    bad = product("x", "c", 0, 3, price="-1")
    workspace.drop(
        "a.csv", HEADER + product("a", "c", 0, 1) + product("b", "u", 10, 2, price="12.50") + bad, "products"
    )
    again = product("a", "u", 59, 99, price="1.00")
    workspace.drop(
        "b.csv", HEADER + again + product("c", "c", 5, 4, key=2) + product("d", "d", 6, 5, key=2), "products"
    )
    (books,) = workspace.drain(spark, "products")
    assert (books.rows_read, books.accepted, books.duplicate, books.dead_letter, books.unaccounted) == (6, 4, 1, 1, 0)
    assert books.effects == {"inserted": 2, "updated": 1, "deleted": 1, "superseded": 0, "unchanged": 0}
    rows = {row["product_id"]: row for row in workspace.rows(workspace.lake.current(workspace.subject("products")))}
    assert (str(rows[1]["price"]), str(rows[1]["margin_percentage"]), rows[1]["_deleted"]) == ("12.50", "68.00", False)
    assert (rows[2]["product_name"], rows[2]["_deleted"], rows[2]["_sequence"]) == (None, True, 5)
    assert history(workspace) == [(1, at(0), at(10), False, "9.99"), (2, at(10), OPEN, True, "12.50")]
    assert history(workspace, 2) == [(1, at(5), at(6), False, "9.99")]
    found = workspace.audit(spark, "products")
    assert found.balanced, found.findings
    (line,) = workspace.rows(workspace.lake.batch_quality)
    assert (line["inserted"], line["updated"], line["deleted"], line["superseded"], line["unchanged"]) == (
        2,
        1,
        1,
        0,
        0,
    )


def test_late_changes_split_history_and_never_undo_what_is_newer(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", HEADER + product("a", "c", 10, 1) + product("b", "u", 20, 5, price="12.50"), "products")
    workspace.drain(spark, "products")
    workspace.drop("b.csv", HEADER + product("late", "u", 15, 3, price="11.00"), "products")
    (books,) = workspace.drain(spark, "products")
    assert books.effects["superseded"] == 1
    assert [version[1:3] for version in history(workspace)] == [(at(10), at(15)), (at(15), at(20)), (at(20), OPEN)]
    workspace.drop("c.csv", HEADER + product("gone", "d", 12, 2), "products")
    workspace.drain(spark, "products")
    assert [version[1:3] for version in history(workspace)] == [(at(10), at(12)), (at(15), at(20)), (at(20), OPEN)]
    assert current(workspace)[1][:3] == (False, 5, "b")
    found = workspace.audit(spark, "products")
    assert found.balanced, found.findings


def test_a_batch_of_changes_killed_before_each_of_its_commits_in_turn_lands_exactly_once(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path, RETRY_ATTEMPTS="9", RETRY_FIRST_WAIT="1 ms")
    first = product("a", "c", 0, 1) + product("b", "u", 10, 2, price="12.50") + product("a", "c", 0, 1)
    workspace.drop("a.csv", HEADER + first + product("x", "c", 0, 3, price="x"), "products")
    died: list[str] = []

    for module, name in (
        (microbatch_commit, "append_once"),
        (microbatch_commit, "replace_once"),
        (books_module, "append_once"),
    ):
        monkeypatch.setattr(module, name, dies_once_a_table(getattr(module, name), died))
    (books,) = workspace.drain(spark, "products")
    judged = ["silver/products_changes", "ops/duplicates", "ops/dead_letters", "silver/products", "gold/dim_product"]
    assert died == ["ops/files", "bronze/products", *judged, "ops/batch_quality"]
    assert books.effects == {"inserted": 1, "updated": 1, "deleted": 0, "superseded": 0, "unchanged": 0}
    assert history(workspace) == [(1, at(0), at(10), False, "9.99"), (2, at(10), OPEN, True, "12.50")]
    found = workspace.audit(spark, "products")
    assert found.balanced, found.findings
    assert workspace.sum_of_books("rows_read") == 4


def test_any_order_of_files_and_any_batching_give_the_same_rows_and_history(
    spark: SparkSession, tmp_path: Path
) -> None:
    chance = random.Random(7)
    lines = [
        product(f"{key}-{seq}", chance.choice("cuuuud"), chance.randrange(60), seq, key, f"{chance.randrange(3)}.00")
        for key in range(1, 30)
        for seq in range(1, 8)
    ]
    one, many = new_workspace(tmp_path / "one"), new_workspace(tmp_path / "many")
    one.drop("all.csv", HEADER + "".join(lines), "products")
    one.drain(spark, "products")
    chance.shuffle(lines)
    for number in range(3):
        some = lines[number::3]
        many.drop(f"{number}.csv", HEADER + "".join([*some, *some[:5]]), "products")
        many.drain(spark, "products")
    subject = one.subject("products")
    assert one.entity(one.lake.current(subject)) == many.entity(many.lake.current(subject))
    assert one.entity(one.lake.history(subject)) == many.entity(many.lake.history(subject))
    for workspace in (one, many):
        found = workspace.audit(spark, "products")
        assert found.balanced, found.findings


def test_a_truncate_empties_the_table_and_history_but_for_what_is_newer(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", HEADER + "".join(product(f"a{key}", "c", 0, key, key) for key in (1, 2, 9)), "products")
    workspace.drain(spark, "products")
    workspace.drop("b.jsonl", '{"change_id":"t","op":"t","event_ts":"2026-01-05T10:30:00Z","seq":5}\n', "products")
    (books,) = workspace.drain(spark, "products")
    assert books.effects == {"inserted": 0, "updated": 0, "deleted": 1, "superseded": 0, "unchanged": 0}
    workspace.drop("c.csv", HEADER + product("older", "c", 10, 4, key=3), "products")
    (books,) = workspace.drain(spark, "products")
    assert {key: row[0] for key, row in current(workspace).items()} == {1: True, 2: True, 3: True, 9: False}
    assert history(workspace, 1) == [(1, at(0), at(30), False, "9.99")]
    assert history(workspace, 3) == [(1, at(10), at(30), False, "9.99")]
    assert history(workspace, 9) == [(1, at(0), OPEN, True, "9.99")]
    found = workspace.audit(spark, "products")
    assert found.balanced, found.findings


def test_partial_updates_fill_in_what_they_name_in_any_order(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    status = '{{"change_id":"{id}","op":"u","event_ts":"2026-01-05T1{seq}:00:00Z","seq":{seq},"order_id":1,"status":"{to}"}}\n'
    workspace.drop("a.jsonl", status.format(id="s", seq=3, to="shipped"), "orders")
    (books,) = workspace.drain(spark, "orders")
    assert books.effects["inserted"] == 1
    header = "change_id,op,event_ts,seq,order_id,customer_id,order_date,status,total_amount\n"
    row = "c,c,2026-01-05T10:00:00Z,1,1,42,2026-01-05T10:00:00Z,pending,5.00\n"
    workspace.drop("b.csv", header + row, "orders")
    workspace.drop(
        "c.csv", "change_id,op,event_ts,seq,order_id,status\np,u,2026-01-05T11:00:00Z,2,1,processing\n", "orders"
    )
    (books,) = workspace.drain(spark, "orders")
    assert books.effects["superseded"] == 2
    (order,) = workspace.rows(workspace.lake.current(workspace.subject("orders")))
    assert (order["status"], order["customer_id"], str(order["total_amount"])) == ("shipped", 42, "5.00")
    assert workspace.lake.history(workspace.subject("orders")) is None
    found = workspace.audit(spark, "orders")
    assert found.balanced, found.findings


def test_deleted_checkpoints_make_duplicates_of_all_changes_and_change_nothing(
    spark: SparkSession, tmp_path: Path
) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", HEADER + product("a", "c", 0, 1) + product("b", "u", 10, 2, price="12.50"), "products")
    workspace.drain(spark, "products")
    before = (current(workspace), history(workspace))
    shutil.rmtree(workspace.lake.checkpoint("products", "refine"))
    (books,) = workspace.drain(spark, "products")
    assert (books.accepted, books.duplicate) == (0, 2)
    assert (current(workspace), history(workspace)) == before
    assert workspace.audit(spark, "products").balanced


def test_a_table_that_was_changed_by_another_hand_fails_the_audit_by_key(spark: SparkSession, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    workspace.drop("a.csv", HEADER + product("a", "c", 0, 1) + product("b", "c", 0, 2, key=2), "products")
    workspace.drain(spark, "products")
    subject = workspace.subject("products")
    tables: list[Table | None] = [workspace.lake.current(subject), workspace.lake.history(subject)]
    for table in tables:
        assert table is not None
        spark.sql(f"DELETE FROM delta.`{table.path}` WHERE product_id = 2")
    spark.sql(f"UPDATE delta.`{workspace.lake.current(subject).path}` SET _deleted = true WHERE product_id = 1")
    findings = {finding.what: finding.examples for finding in workspace.audit(spark, "products").findings}
    assert findings == {
        "keys whose current row is not that of their greatest change": ("2",),
        "keys with another number of open versions than they should have": ("1",),
    }


def test_a_subject_whose_merge_fails_does_not_stop_the_others(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path)
    real = replace_once

    def fails(table: Table, *args: Any, **kwargs: Any) -> Any:
        if table.name == "silver/products":
            raise RuntimeError("no merge of products")
        return real(table, *args, **kwargs)

    monkeypatch.setattr(microbatch_commit, "replace_once", fails)
    workspace.drop("a.csv", HEADER + product("a", "c", 0, 1), "products")
    row = "c,c,2026-01-05T10:00:00Z,1,1,1,1,2,2.50,5.00\n"
    item = "change_id,op,event_ts,seq,order_item_id,order_id,product_id,quantity,unit_price,line_total\n"
    workspace.drop("b.csv", item + row, "order_items")
    with pytest.raises(Exception, match=r"given up after 2 attempts: products refine: .*no merge of products"):
        workspace.drain(spark, "products", "order_items")
    assert len(workspace.rows(workspace.lake.current(workspace.subject("order_items")))) == 1
    assert workspace.audit(spark, "order_items").balanced
    monkeypatch.undo()
    workspace.drain(spark, "products")
    assert current(workspace)[1][:2] == (False, 1)
    assert workspace.audit(spark, "products").balanced
