"""The auditor itself: it passes a lake that balances, and names each way in which one may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from support.duckdb_audit import counts, discrepancies

if TYPE_CHECKING:
    from pathlib import Path

BATCH = {"query_id": "q", "batch_id": 0}
OWN = {"subject": "rides", **BATCH}
BALANCED: dict[str, list[dict[str, Any]]] = {
    "bronze/rides": [{"row_id": name, "source": "rides/a.csv"} for name in ("a", "b", "c")],
    "silver/rides": [{"row_id": "a", **BATCH}],
    "ops/duplicates": [{"row_id": "b", **OWN}],
    "ops/dead_letters": [{"row_id": "c", **OWN}],
    "ops/files": [{"subject": "rides", "source": "rides/a.csv", "rows": 3}],
    "ops/batch_quality": [
        {**OWN, "rows_read": 3, "accepted": 1, "duplicate": 1, "dead_letter": 1, "control": 0, "unaccounted": 0}
    ],
}


def write(root: Path, **changed: list[dict[str, Any]]) -> Path:
    for name, rows in {**BALANCED, **{name.replace("__", "/"): rows for name, rows in changed.items()}}.items():
        partition = ["subject"] if "subject" in rows[0] else None
        write_deltalake(root / name, pa.Table.from_pylist(rows), partition_by=partition)
    return root


def test_a_lake_that_balances_has_no_discrepancies(tmp_path: Path) -> None:
    lake = write(tmp_path)
    assert discrepancies(lake, "rides") == []
    assert counts(lake, "rides") == {
        "bronze": 3, "accepted": 1, "duplicates": 1, "dead_letters": 1, "books": 1, "files": 1
    }  # fmt: skip


def test_another_subject_without_tables_has_none_either(tmp_path: Path) -> None:
    assert discrepancies(write(tmp_path), "walks") == []


@pytest.mark.parametrize(
    ("table", "rows", "said"),
    [
        ("silver__rides", [{"row_id": "a", **BATCH}, {"row_id": "a", **BATCH}], "accepted or dead-lettered more than once: a"),
        ("silver__rides", [{"row_id": "x", **BATCH}], "judged but not in Bronze: x"),
        ("silver__rides", [{"row_id": "x", **BATCH}], "judged otherwise than it was read: a"),
        ("silver__rides", [{"row_id": "a", **BATCH}, {"row_id": "b", **BATCH}], "a batch whose books differ from the tables: q 0"),
        ("silver__rides", [{"row_id": "a", "query_id": "q", "batch_id": 1}], "a batch without its line in the books: q 1"),
        ("ops__batch_quality", BALANCED["ops/batch_quality"] * 2, "a batch with two lines in the books: q 0"),
        ("ops__batch_quality", [{**BALANCED["ops/batch_quality"][0], "rows_read": 4}], "a batch that does not balance: q 0"),
        ("ops__files", [{**BALANCED["ops/files"][0], "rows": 2}], "a file whose rows differ from the ingest ledger: rides/a.csv"),
    ],
)  # fmt: skip
def test_each_way_not_to_balance_is_named(tmp_path: Path, table: str, rows: list[dict[str, Any]], said: str) -> None:
    assert said in discrepancies(write(tmp_path, **{table: rows}), "rides")


def test_a_second_reading_is_expected_where_it_is_said(tmp_path: Path) -> None:
    again = [{"row_id": name, "subject": "rides", "query_id": "r", "batch_id": 0} for name in ("a", "b", "c")]
    book = {**again[0], "rows_read": 3, "accepted": 0, "duplicate": 3, "dead_letter": 0, "control": 0, "unaccounted": 0}
    del book["row_id"]
    repeats = [*BALANCED["ops/duplicates"], *again]
    lake = write(tmp_path, ops__duplicates=repeats, ops__batch_quality=[*BALANCED["ops/batch_quality"], book])
    assert discrepancies(lake, "rides", readings=2) == []
    assert discrepancies(lake, "rides") != []
