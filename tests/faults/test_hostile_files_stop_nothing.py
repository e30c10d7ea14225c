"""A landing folder that anyone may write to: whatever lies in it is read, kept or set aside, on record, and stops nothing.

Covers: spark_jobs.batch.status, spark_jobs.cli.status, spark_jobs.render.status, spark_jobs.landing.backlog,
spark_jobs.landing.landed_file, spark_jobs.landing.limits, spark_jobs.landing.omitted_files.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from support.duckdb_audit import discrepancies
from support.hostile_files import BYTES_OF_ANY_RATIO, FILES, GOOD, LIMITS, NAMES, Hostile
from support.lakes import Workspace, new_workspace

from config.groups import Limits as LimitSettings
from schema_registry.registry import load
from spark_jobs.batch.status import read_status
from spark_jobs.lake import Lake
from spark_jobs.landing import open_file
from spark_jobs.landing.backlog import file_backlog
from spark_jobs.landing.driver_checks import LandingError, require_set_aside
from spark_jobs.landing.land_files import land_files
from spark_jobs.landing.landed_file import FileToLand, LandedFile
from spark_jobs.landing.limits import Limits, setting_name
from spark_jobs.landing.listing import list_folder
from spark_jobs.landing.omitted_files import OmittedFiles
from spark_jobs.render.status import unread_for_their_ending
from spark_jobs.schemas import FILES as FILES_SCHEMA
from spark_jobs.storage.append import append_once
from spark_jobs.storage.create import ensure_table
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from schema_registry.registry import Subject

NOON = 1_769_688_000_000_000  # 2026-01-29T12:00:00Z
NOBODY = 65_534
QUIET = """
subject: quiet_feed
version: 1
kind: events
key: [event_id]
event_time: at
fields:
  event_id: {type: string, required: true, non_blank: true}
  at:       {type: timestamp, required: true}
"""
FEED = QUIET.replace("quiet_feed", "feed").replace("event_id", "a").replace("at:", "b:").replace(": at", ": b")
#: Files with nothing in them, and one with a row.
NOTHING = {
    "1_no_bytes.csv": b"",
    "2_header.csv": b"event_id,at\r\n",
    "3_mark_alone.csv": b"\xef\xbb\xbf",
    "4_line_ends.jsonl": b"\n\n\n",
    "5_good.csv": b"event_id,at\ne-1,2026-03-02T10:00:00Z",
}


def contracts(root: Path) -> Path:
    for subject, text in (("feed", FEED), ("quiet_feed", QUIET)):
        (root / subject).mkdir(parents=True)
        (root / subject / "v1.yaml").write_text(text, encoding="utf-8")
    return root


def landings(folder: Path, names: list[str]) -> list[FileToLand]:
    return [
        FileToLand(str(folder / name), f"feed/{name}", 0, 1_769_000_000_123, NOON + place)
        for place, name in enumerate(names)
    ]


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return load(contracts(tmp_path / "contracts")).subject("feed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "input" / "feed").mkdir(parents=True)
    return tmp_path / "input" / "feed"


def landed(
    root: Path, subject: Subject, files: list[FileToLand]
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, LandedFile]]:
    """The rows of Bronze and the line in the ledger of each file, by its name."""
    table = Lake(root / "lake").bronze(subject)
    parts, lines = land_files(files, table, subject.known_fields, LIMITS)
    rows = defaultdict(list)
    for part in parts:
        for row in pq.read_table(Path(table.path) / part.path, partitioning=None).to_pylist():
            rows[row["source"].removeprefix("feed/")].append(row)
    return rows, {line.source.removeprefix("feed/"): line for line in lines}


def write(folder: Path, name: str, data: bytes = GOOD) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def reasons(rows: list[dict[str, Any]]) -> set[str]:
    """Codes of the rows' reasons; of what is too large the limit's name."""
    told = [reason for row in rows for reason in row["read_error"] or []]
    return {reason["field"] if reason["code"] == "too_large" else reason["code"] for reason in told}


def test_forty_hostile_files_become_rows_or_dead_letters_each_by_itself(
    folder: Path, tmp_path: Path, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_file, "BYTES_OF_ANY_RATIO", BYTES_OF_ANY_RATIO)
    for file in FILES:
        write(folder, file.name, file.data)
    rows, lines = landed(tmp_path, subject, landings(folder, [file.name for file in FILES]))
    assert len(FILES) == 40
    for file in FILES:
        assert_outcome(file, lines[file.name], rows[file.name])
    assert {setting_name(each.name) for each in fields(Limits)} - {"MAX_DETAIL_LENGTH", "MAX_PIECE_BYTES"} <= reasons(
        [row for some in rows.values() for row in some]
    )


def assert_outcome(file: Hostile, line: LandedFile, rows: list[dict[str, Any]]) -> None:
    told = (file.what, line.rows, line.unreadable, line.status)
    if file.rows or not file.reasons:
        assert told == (file.what, file.rows, file.unread, "landed" if file.rows else "empty")
    else:  # rows come before the limit, and then the file as it lies on disk
        assert line.rows > line.unreadable > 0, told
        kept = [row["raw"] for row in sorted(rows, key=lambda row: row["source_position"]) if row["raw"]]
        size = LIMITS.piece_bytes
        pieces = [file.data[at : at + size] for at in range(0, len(file.data), size)]
        assert kept == [piece.decode("utf-8", errors="backslashreplace") for piece in pieces]
    assert len(rows) == line.rows
    assert reasons(rows) == file.reasons, file.what
    raw = [row["raw"] for row in rows if row["read_error"]]
    assert all(len(text.encode()) <= 4 * LIMITS.line_bytes for text in raw)
    details = [reason["detail"] for row in rows for reason in row["read_error"] or []]
    assert all(len(detail) <= LIMITS.detail_length + 60 for detail in details)
    assert all(len(row["read_error"] or []) <= LIMITS.reasons + 1 for row in rows)


def test_the_limits_are_settings_with_the_same_defaults() -> None:
    assert Limits.from_settings(LimitSettings()) == Limits()
    assert {each.metadata["variable"].name for each in fields(LimitSettings)} == {
        setting_name(f.name) for f in fields(Limits)
    }


def not_files(folder: Path, outside: Path) -> dict[str, str]:
    """What is no file to read, by name, and what is said of it; ``outside`` holds what links lead to."""
    write(outside, "secret.csv")
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv" / "within").mkdir(parents=True)
    (folder / "nowhere.csv").symlink_to(outside / "gone.csv")
    (folder / "out.csv").symlink_to(outside / "secret.csv")
    (folder / "in.csv").symlink_to("good.csv")
    (folder / "itself.csv").symlink_to("itself.csv")
    (folder / "way-out").symlink_to(outside, target_is_directory=True)
    (folder / "ring").mkdir()
    (folder / "ring" / "round").symlink_to(folder / "ring", target_is_directory=True)
    write(folder, "ring/in.csv", b"x\n")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may have a hundred characters only
        listener.bind("socket.csv")
        os.chdir(here)
    (folder / os.fsdecode(b"no-utf8-\xff.csv")).write_bytes(GOOD)
    link = "a link, and links are not followed"
    links = dict.fromkeys(("nowhere.csv", "out.csv", "in.csv", "itself.csv", "way-out", "ring/round"), link)
    return {
        **links,
        "pipe.csv": "a named pipe",
        "socket.csv": "a socket",
        "folder.csv": "a folder, with no file in it",
        "no-utf8-\\xff.csv": "its name is no UTF-8",
    }


def test_what_is_no_file_is_told_and_never_opened(folder: Path, tmp_path: Path, subject: Subject) -> None:
    write(folder, "good.csv")
    aside = not_files(folder, tmp_path / "outside")
    assert {one.name: one.set_aside_reason for one in list_folder(folder) if one.set_aside_reason} == aside
    names = [name for name in aside if "\\" not in name]
    behind = ["way-out/secret.csv", "ring/round/in.csv", "ring/round/round/in.csv"]
    rows, lines = landed(tmp_path, subject, landings(folder, ["good.csv", *names, *behind, "gone.csv"]))
    assert {name: line.status for name, line in lines.items()} == {
        **dict.fromkeys([*names, *behind], "set_aside"), "good.csv": "landed", "gone.csv": "vanished"
    }  # fmt: skip
    assert {lines[name].detail for name in behind} == {"it lies behind a link, and links are not followed"}
    assert list(rows) == ["good.csv"]


def test_a_file_that_becomes_a_pipe_while_it_is_opened_is_set_aside_and_waited_for_by_no_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "1.csv")
    real = os.open

    def swapped(path: str, flags: int, **kwargs: Any) -> int:
        if path == "1.csv":
            (folder / "1.csv").unlink()
            os.mkfifo(folder / "1.csv")
        return real(path, flags, **kwargs)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(open_file.SetAsideError, match="a named pipe"):
        open_file.open_regular(folder, ["1.csv"])


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_read(name: str, folder: Path, tmp_path: Path, subject: Subject) -> None:
    write(folder, name)
    assert [(one.name, one.set_aside_reason, one.other_ending) for one in list_folder(folder)] == [(name, None, False)]
    rows, lines = landed(tmp_path, subject, landings(folder, [name]))
    assert (lines[name].rows, [(row["a"], row["b"]) for row in rows[name]]) == (1, [("1", "2")])


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder that is open to all, and this process as one who may do little where it is root."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o777)
    user = os.geteuid()
    os.seteuid(user or NOBODY)
    try:
        yield root
    finally:
        os.seteuid(user)
        shutil.rmtree(root)


def test_what_may_not_be_read_is_set_aside_and_the_others_are_read(subject: Subject) -> None:
    with as_nobody() as root:
        folder = root / "input" / "feed"
        for name in ("good.csv", "closed.csv", "shut/within.csv", "blind/within.csv"):
            write(folder, name)
        for name, mode in (("closed.csv", 0), ("shut", 0), ("blind", 0o444)):
            (folder / name).chmod(mode)
        rows, lines = landed(root, subject, landings(folder, ["good.csv", "closed.csv", "shut/within.csv"]))
        found = {one.name: one.set_aside_reason for one in list_folder(folder) if one.set_aside_reason}
        for name in ("shut", "blind"):
            (folder / name).chmod(0o700)
    told = {name: (line.status, line.detail) for name, line in lines.items()}
    refused = ("set_aside", "no permission to read it")
    assert told == {"good.csv": ("landed", None), "closed.csv": refused, "shut/within.csv": refused}
    assert len(rows["good.csv"]) == 1
    assert found == {"shut": "a folder: no permission to list it", "blind/within.csv": "no permission to read it"}


def test_what_only_a_worker_may_not_read_is_not_set_aside(folder: Path) -> None:
    write(folder, "1.csv")
    (folder / "2.csv").symlink_to("1.csv")
    files = landings(folder, ["1.csv", "2.csv"])
    require_set_aside(files, {"feed/2.csv"})
    with pytest.raises(LandingError, match=r"1\.csv could not be read by the worker"):
        require_set_aside(files, {"feed/1.csv"})


def test_a_device_is_not_opened(folder: Path, tmp_path: Path, subject: Subject) -> None:
    try:
        os.mknod(folder / "zero.csv", 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        (folder / "zero.csv").symlink_to("/dev/zero")
    _, lines = landed(tmp_path, subject, landings(folder, ["zero.csv"]))
    assert lines["zero.csv"].status == "set_aside"


GROWTH = """
import resource, sys
from pathlib import Path
import pyarrow as pa
from schema_registry.registry import load
from spark_jobs.lake import Lake
from spark_jobs.landing.land_files import land_files
from spark_jobs.landing.landed_file import FileToLand
from spark_jobs.landing.limits import Limits

root = Path(sys.argv[1])
feed = load(root / "contracts").subject("feed")
table = Lake(root / "lake").bronze(feed)


def read(name, limits):
    file = FileToLand(str(root / "input" / "feed" / name), f"feed/{name}", 0, 0, 1_769_688_000_000_000)
    return land_files([file], table, feed.known_fields, limits)[1][0]


wide = Limits(header_bytes=1 << 24, columns=10_000, name_length=1_000_000, reasons=10_000)
read("warm.csv", Limits())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = [read(name, limits).rows for name in ("twice.csv", "long.csv", "short.csv") for limits in (Limits(), wide)]
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
print(grown, pa.default_memory_pool().max_memory() >> 20, *rows)
"""


def test_no_file_takes_more_memory_than_some_hundred_mib_whatever_its_header_or_name_multiplies(
    folder: Path, tmp_path: Path, subject: Subject
) -> None:
    """A name a thousand times in a header above 4,000 rows; a name of 100 KB above 22,000; many rows of one letter."""
    write(folder, "warm.csv", GOOD + b"1\n")
    write(folder, "twice.csv", b",".join([b"%d" % (n % 500) for n in range(1_000)]) + b"\n" + b"1\n" * 4_000)
    write(folder, "long.csv", b"a," + b"n" * 100_000 + b"\n" + b"1,2\n" * 22_000)
    write(folder, "short.csv", b"a\n" + b"1\n" * 300_000)
    told = subprocess.run([sys.executable, "-c", GROWTH, tmp_path], capture_output=True, text=True, check=True)
    grown, arrow, *rows = map(int, told.stdout.split())
    assert rows == [4_000, 4_000, 22_001, 22_000, 300_000, 300_000]
    assert grown < 400, told.stdout
    assert arrow < 400, told.stdout


def ledger(workspace: Workspace, subject: str) -> dict[str, dict[str, Any]]:
    rows = [row for row in workspace.rows(workspace.lake.files) if row["subject"] == subject]
    assert len({row["source"] for row in rows}) == len(rows)
    return {row["source"].removeprefix(f"{subject}/"): row for row in rows}


def test_a_folder_of_all_of_them_is_drained_and_each_is_on_record(spark: SparkSession, tmp_path: Path) -> None:
    """Both roots lie behind a link. Nothing is read twice, nothing waits, and what is not read is named by the status."""
    (tmp_path / "real" / "in [1] {2}*").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    workspace = new_workspace(tmp_path / "link", contracts(tmp_path / "contracts"))
    workspace.settings = replace(
        workspace.settings, lake=replace(workspace.settings.lake, landing=tmp_path / "link" / "in [1] {2}*")
    )
    folder = workspace.landing / "feed"
    for name, data in NOTHING.items():
        workspace.drop(name, data, "quiet_feed")
    for file in FILES:
        write(folder, file.name, file.data)
    for place, name in enumerate(NAMES):
        write(folder, name, b"a,b\nn%d,2026-03-02T10:00:00Z\n" % place)
    aside = not_files(folder, tmp_path / "outside")
    foreign = ["A.CSV", "b.json", "c.txt", "d.csv.tmp"]
    for name in [*foreign, "_hidden.csv", ".hidden.csv", "_hidden/1.csv"]:
        write(folder, name)
    workspace.drain(spark, "feed", "quiet_feed")

    assert discrepancies(workspace.lake.root, "feed") == discrepancies(workspace.lake.root, "quiet_feed") == []
    told = ledger(workspace, "feed")
    read = {file.name for file in FILES} | set(NAMES) | {"ring/in.csv"}
    assert read | set(aside) <= told.keys()
    assert {name for name, row in told.items() if row["status"] != "set_aside"} == read
    assert {name: (told[name]["status"], told[name]["detail"]) for name in aside} == {
        name: ("set_aside", why) for name, why in aside.items()
    }
    assert {name for name in NAMES if (told[name]["status"], told[name]["rows"]) != ("landed", 1)} == set()
    assert {told[file.name]["status"] for file in FILES if not file.rows and not file.reasons} == {"empty"}
    accepted = DeltaTable(workspace.lake.silver(workspace.subject("feed")).path).to_pyarrow_table()["a"].to_pylist()
    assert {f"n{place}" for place in range(len(NAMES))} <= set(accepted)

    quiet = {name: (row["status"], row["rows"]) for name, row in ledger(workspace, "quiet_feed").items()}
    assert quiet == {**dict.fromkeys(NOTHING, ("empty", 0)), "5_good.csv": ("landed", 1)}

    feed, silent = read_status(
        workspace.lake, workspace.landing, [workspace.subject("feed"), workspace.subject("quiet_feed")]
    )
    assert (feed.files.waiting, silent.files.waiting, silent.problems) == ((), (), ())
    assert {name.removeprefix("feed/") for name in feed.files.foreign} == set(foreign)
    assert {name.removeprefix("feed/"): why for name, why in feed.files.aside.items()} == aside
    assert any("feed/pipe.csv is set aside (a named pipe)" in problem for problem in feed.problems)


def on_record(lines: list[LandedFile]) -> pa.Table:
    """Lines of the ledger as ingest writes them."""
    rows = [
        {
            **line.to_json(),
            "subject": "feed",
            "source_fingerprint": line.fingerprint,
            "source_time": line.source_time_ms * 1_000,
        }
        for line in lines
    ]
    return pa.Table.from_pylist(rows, schema=FILES_SCHEMA)


def test_what_is_on_record_is_not_told_again_and_a_file_mended_in_place_is_not_read(
    folder: Path, tmp_path: Path, subject: Subject
) -> None:
    lake = Lake(tmp_path / "lake")
    omitted = OmittedFiles(lake.files, "feed", folder)
    write(folder, "empty.csv", b"")
    os.mkfifo(folder / "pipe.csv")
    first = omitted.find_new({"feed/handed.csv"}, NOON)
    assert [(one.source, one.status, one.ingested_at - NOON) for one in first] == [
        ("feed/empty.csv", "empty", 0),
        ("feed/pipe.csv", "set_aside", 1),
    ]
    assert omitted.find_new((), NOON) == first
    assert file_backlog(lake, folder.parent, subject).waiting == ("feed/empty.csv",)
    ensure_table(lake.files)
    append_once(lake.files, write_parts(lake.files, on_record(first), subject="feed"), writer="w", version=0)
    assert omitted.find_new((), NOON) == []
    write(folder, "later.csv")
    standing = file_backlog(lake, folder.parent, subject)
    assert (standing.waiting, standing.rewritten, standing.aside) == (
        ("feed/later.csv",),
        (),
        {"feed/pipe.csv": "a named pipe"},
    )
    write(folder, "empty.csv", GOOD)
    (folder / "pipe.csv").unlink()
    write(folder, "pipe.csv")
    standing = file_backlog(lake, folder.parent, subject)
    assert (standing.rewritten, standing.aside) == (
        ("feed/empty.csv",),
        {"feed/pipe.csv": "a named pipe, when its turn came"},
    )


def test_many_files_set_aside_or_of_other_endings_are_counted_and_some_are_named(
    folder: Path, tmp_path: Path, subject: Subject
) -> None:
    for number in range(30):
        os.mkfifo(folder / f"{number:02}.csv")
        write(folder, f"{number:02}.CSV")
    (found,) = read_status(Lake(tmp_path / "lake"), folder.parent, [subject])
    assert (
        found.problems[0]
        == "feed/00.csv is set aside (a named pipe): mend it and drop it under a new name, or remove it"
    )
    assert (len(found.problems), found.problems[-1]) == (21, "10 more are set aside: --json names all")
    told = unread_for_their_ending(found.files.foreign)
    assert told.startswith(
        "30 files are not read, as their names end in none of .csv, .jsonl, .csv.gz, .jsonl.gz: feed/00.CSV, "
    )
    assert told.endswith("feed/04.CSV, …")
