"""The lines of ops/files: whose they are, and reading times that ascend whatever the clock says."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from schema_registry.registry import load
from spark_jobs.lake import Lake
from spark_jobs.landing.landed_file import LandedFile
from spark_jobs.queries import ingest_ledger
from spark_jobs.queries.ingest_ledger import FEW, IngestLedger
from spark_jobs.storage.append import append_once

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_769_688_000_000_000


@pytest.fixture
def ledger(tmp_path: Path) -> IngestLedger:
    return IngestLedger(Lake(tmp_path), load().subject("orders"))


def landed(name: str, at: int, status: str = "landed") -> LandedFile:
    return LandedFile(f"orders/{name}", "f", 9, 2, 1, status, 1_000, at, None if status == "landed" else "a link")


def commit(ledger: IngestLedger, query: str, *files: LandedFile) -> None:
    append_once(ledger.lake.files, ledger.write(files, query, 0), writer=query, version=0)


def clock_says(monkeypatch: pytest.MonkeyPatch, micros: int) -> None:
    monkeypatch.setattr(ingest_ledger, "time", SimpleNamespace(time=lambda: micros / 1_000_000))


def test_reading_times_begin_with_the_clock_and_never_go_back(
    ledger: IngestLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_says(monkeypatch, NOON)
    assert (ledger.reserve_now(3), ledger.reserve(2), ledger.next_time) == (NOON, NOON + 3, NOON + 5)
    clock_says(monkeypatch, NOON - 3_600_000_000)
    assert ledger.reserve_now(1) == NOON + 5
    clock_says(monkeypatch, NOON + 1_000)
    assert ledger.reserve_now(0) == ledger.next_time == NOON + 1_000


def test_after_a_start_reading_times_follow_those_of_the_table(
    ledger: IngestLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_says(monkeypatch, 0)
    assert ledger.next_time == 1
    commit(ledger, "q", landed("1.csv", NOON), landed("2.csv", NOON + 7))
    assert IngestLedger(ledger.lake, ledger.subject).reserve_now(1) == NOON + 8


def test_a_query_has_landed_what_it_read_and_not_what_was_set_aside_or_what_others_read(ledger: IngestLedger) -> None:
    commit(ledger, "q", landed("1.csv", NOON), landed("2.csv", NOON + 1, "set_aside"))
    commit(ledger, "another", landed("3.csv", NOON + 2))
    sources = [f"orders/{number}.csv" for number in range(1, 5)]
    assert ledger.sources_landed_by("q", sources) == {"orders/1.csv"}
    assert ledger.sources_landed_by("another", sources) == {"orders/3.csv"}
    assert ledger.sources_landed_by("q", []) == set()


def test_a_line_says_what_became_of_its_file_and_files_set_aside_are_named_as_far_as_they_are_few(
    ledger: IngestLedger, caplog: pytest.LogCaptureFixture
) -> None:
    many = [landed(f"{number}.csv", NOON + number, "set_aside") for number in range(FEW + 2)]
    with caplog.at_level(logging.WARNING, "tallylake.stream"):
        commit(ledger, "q", *many, landed("good.csv", NOON + 99))
    assert [record.getMessage() for record in caplog.records][-2:] == [
        f"orders/{FEW - 1}.csv is set aside and not read: a link",
        "2 more are set aside and not read: tally status names them",
    ]
    lines = {line["source"]: line for line in DeltaTable(ledger.lake.files.path).to_pyarrow_table().to_pylist()}
    good = lines["orders/good.csv"]
    assert (good["subject"], good["status"], good["rows"], good["unreadable"]) == ("orders", "landed", 2, 1)
    assert (good["query_id"], good["batch_id"], good["bytes"]) == ("q", 0, 9)
    assert len(lines) == FEW + 3
