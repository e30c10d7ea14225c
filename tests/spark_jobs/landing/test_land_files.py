"""Files in, Bronze parts out: rows, ids, positions, and a line for every file. Covers land_files and bronze_rows.

Covers: spark_jobs.landing.bronze_rows.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.landing.bronze_rows import row_id_prefix
from spark_jobs.landing.land_files import land_files
from spark_jobs.landing.landed_file import FileToLand, LandedFile
from spark_jobs.schemas import BRONZE_META
from spark_jobs.storage.table import Table

NOON = 1_769_688_000_000_000  # 2026-01-29T12:00:00Z
KNOWN = ("a", "b")


def bronze(root: Path) -> Table:
    known = [(name, pa.string()) for name in KNOWN]
    schema = pa.schema([*BRONZE_META[:1], *known, *BRONZE_META[1:]])
    return Table("bronze/x", str(root / "bronze"), schema, ("ingest_date",), ("source", "ingested_at"))


def landing(path: Path, place: int = 0) -> FileToLand:
    size = path.stat().st_size if path.exists() else 0
    return FileToLand(str(path), path.name, size, 1_769_000_000_123, NOON + place)


def landed(root: Path, *paths: Path) -> tuple[list[dict[str, object]], list[LandedFile]]:
    table = bronze(root)
    parts, files = land_files([landing(path, place) for place, path in enumerate(paths)], table, KNOWN)
    tables = [pq.read_table(Path(table.path) / part.path, partitioning=None) for part in parts]
    assert [part.rows for part in parts] == [each.num_rows for each in tables]
    rows = [row for each in tables for row in each.to_pylist()]
    return sorted(rows, key=lambda row: (row["source"], row["source_position"])), files


def test_a_folder_of_files_lands_with_positions_ids_and_a_line_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"a,b,x\n1,2,3\n1\n4,,5\n")
    (tmp_path / "2.jsonl").write_bytes(b'{"a":1}\nno\n')
    (tmp_path / "3.csv.gz").write_bytes(gzip.compress(b"b\n7\n"))
    (tmp_path / "4.csv").write_bytes(b"")
    paths = [tmp_path / name for name in ("1.csv", "2.jsonl", "3.csv.gz", "4.csv", "5.csv")]
    rows, files = landed(tmp_path, *paths)
    assert [(r["source"], r["source_position"], r["a"], r["b"], r["payload_rest"], r["raw"]) for r in rows] == [
        ("1.csv", 1, "1", "2", [("x", "3")], None),
        ("1.csv", 2, None, None, None, "1"),
        ("1.csv", 3, "4", "", [("x", "5")], None),
        ("2.jsonl", 1, "1", None, None, None),
        ("2.jsonl", 2, None, None, None, "no"),
        ("3.csv.gz", 1, None, "7", None, None),
    ]
    assert rows[1]["read_error"] == [
        {"code": "column_count", "field": None, "detail": "1 cells under a header of 3"},
    ]
    assert [(f.source, f.rows, f.unreadable, f.status, f.fingerprint is None) for f in files] == [
        ("1.csv", 3, 1, "landed", False),
        ("2.jsonl", 2, 1, "landed", False),
        ("3.csv.gz", 1, 0, "landed", False),
        ("4.csv", 0, 0, "empty", False),
        ("5.csv", 0, 0, "vanished", True),
    ]
    assert len({row["row_id"] for row in rows}) == 6
    again, _ = landed(tmp_path / "again", *paths)
    assert again == rows


def test_the_same_content_under_another_name_or_other_content_gives_other_ids(tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_bytes(b"a\n1\n")
    two.write_bytes(b"a\n1\n")
    first = {row["row_id"] for row in landed(tmp_path / "x", one, two)[0]}
    one.write_bytes(b"a\n2\n")
    assert len(first | {row["row_id"] for row in landed(tmp_path / "y", one)[0]}) == 3


def test_files_read_on_two_days_go_to_two_partitions(tmp_path: Path) -> None:
    path = tmp_path / "1.csv"
    path.write_bytes(b"a\n1\n")
    parts, _ = land_files([landing(path), landing(path, 86_400_000_000)], bronze(tmp_path), KNOWN)
    assert [part.partition for part in parts] == [{"ingest_date": "2026-01-29"}, {"ingest_date": "2026-01-30"}]


def test_a_truncated_gzip_gives_the_rows_before_the_end_and_is_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "1.csv.gz"
    whole = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(100_000))
    path.write_bytes(gzip.compress(whole)[:-1000])
    rows, (file,) = landed(tmp_path, path)
    read = [row for row in rows if row["raw"] is None]
    assert len(read) > 90_000
    assert [(row["a"], row["b"]) for row in read] == [(str(n), str(n * n)) for n in range(len(read))]
    kept = [row for row in rows if row["raw"] is not None]
    assert kept[0]["source_position"] == len(read) + 1
    assert file.unreadable == len(kept)
    assert file.rows == len(rows)
    assert "".join(str(row["raw"]) for row in kept).startswith("\x1f" + r"\x8b")


def test_a_gz_that_is_no_gzip_is_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "1.csv.gz"
    path.write_bytes(b"a,b\n1,2\n")
    ((row,), (file,)) = landed(tmp_path, path)
    assert row["raw"] == "a,b\n1,2\n"
    assert (file.rows, file.unreadable, file.status) == (1, 1, "landed")


@pytest.mark.parametrize(("name", "row"), [("x.jsonl.csv", ("1", None)), ("x.csv.jsonl", (None, "a"))])
def test_the_last_ending_says_what_a_file_is(tmp_path: Path, name: str, row: tuple[str | None, str | None]) -> None:
    (tmp_path / name).write_bytes(b"a\n1\n" if name.endswith("csv") else b"a\n")
    ((found,), _) = landed(tmp_path, tmp_path / name)
    assert (found["a"], found["raw"]) == row


def test_the_row_prefix_is_the_same_for_ever() -> None:
    assert row_id_prefix("a/1.csv", "abc") == "625913b22348d904d68649b4"
    assert len({row_id_prefix(s, c) for s in ("a", "b") for c in ("c", "d")}) == 4


GROWTH = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_land_files import KNOWN, bronze, land_files, landing
root = Path({root!r})
(root / "warm.csv").write_bytes(b"a,b\\n1,2\\n")
land_files([landing(root / "warm.csv")], bronze(root), KNOWN)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
parts, (file,) = land_files([landing(root / "big.csv")], bronze(root), KNOWN)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(file.rows, sum(part.rows for part in parts), grown // 1024)
"""


def test_a_file_of_200_mb_lands_in_bounded_memory(tmp_path: Path) -> None:
    line = b'some text that is rather long and comes again and again,"and a value, quoted, that is no shorter at all"\n'
    with (tmp_path / "big.csv").open("wb") as file:
        file.write(b"a,b\n")
        for _ in range(200):
            file.write(line * 10_000)
    code = GROWTH.format(tests=str(Path(__file__).parent), root=str(tmp_path))
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rows, written, grown = map(int, told.stdout.split())
    assert rows == written == 2_000_000
    assert grown < 700
