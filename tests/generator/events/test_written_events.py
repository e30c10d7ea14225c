"""Written events are as their manifest says, judged by an oracle that shares nothing with the generator.

Covers events/ as a whole: files, rows, plant, copies and the tables of bad and odd rows, with csvtext.py and
file_faults.py.

Covers: generator.events.copies, generator.events.plant, generator.events.rows, generator.file_faults.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from support.contract_oracle import Verdict, judged_file, records

from generator.events.fault_table import FAULTS, SMALL_FILES
from generator.faults import Kind
from generator.file_faults import ODD_FILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.event_runs import Run


def verdicts(run: Run, source: str) -> list[Verdict]:
    data = (run.landing / source).read_bytes()
    return judged_file(gzip.decompress(data) if source.endswith(".gz") else data)


def disagreements(run: Run) -> list[Any]:
    """Rows whose manifest line is not what the oracle finds, first copies winning in the order written."""
    seen, wrong = set(), []
    for source, rows in run.rows_by_source().items():
        judged = verdicts(run, source)
        assert [row.position for row in rows] == [*range(1, len(judged) + 1)], source
        for row, verdict in zip(rows, judged, strict=True):
            key = (verdict.values.get("event_id"), verdict.values.get("event_time"))
            found = "dead_letter" if verdict.reasons else "duplicate" if key in seen else "accepted"
            seen |= {key} if found == "accepted" else set()
            if (found, verdict.reasons) != (row.outcome, set(row.reasons)):
                wrong.append((row, found, verdict.reasons))
    return wrong


def test_the_oracle_agrees_with_every_line_of_the_manifest(big_run: Run) -> None:
    assert disagreements(big_run) == []


@pytest.mark.parametrize("seed", [1, 7, 2026])
def test_the_oracle_agrees_at_high_rates_and_other_seeds(generated: Callable[..., Run], seed: int) -> None:
    run = generated(
        seed=seed, rows_per_file=97, files=60, fault_rate=0.3, duplicate_rate=0.15, late_rate=0.1, gzip=seed == 7
    )
    assert disagreements(run) == []
    assert run.report.outcomes["duplicate"] > 800


@pytest.mark.parametrize("versions", [(1,), (2,), (1, 3)])
def test_the_oracle_agrees_when_only_some_versions_are_wanted(
    generated: Callable[..., Run], versions: tuple[int, ...]
) -> None:
    run = generated(rows_per_file=50, files=40, fault_rate=0.2, versions=versions)
    assert disagreements(run) == []
    assert {row.version for row in run.rows()} == {*versions, None}


@pytest.mark.parametrize("rows_per_file", [1, 2, 3])
def test_tiny_files_are_right_too(generated: Callable[..., Run], rows_per_file: int) -> None:
    run = generated(rows_per_file=rows_per_file, files=200, fault_rate=0.3, duplicate_rate=0.2, late_rate=0.1)
    assert disagreements(run) == []
    assert run.report.outcomes["dead_letter"] > 30


def test_every_fault_of_the_table_occurs_in_20_000_rows(big_run: Run) -> None:
    in_rows = {row.fault for row in big_run.rows()} - {None}
    in_files = {file.kind for file in big_run.files} - {None}
    assert in_rows | in_files == set(FAULTS)


def test_every_fault_also_occurs_in_files_of_one_hundred_rows(generated: Callable[..., Run]) -> None:
    run = generated(files=200)
    assert {row.fault for row in run.rows()} | {file.kind for file in run.files} >= set(FAULTS)


def test_each_row_has_the_outcome_and_the_reasons_of_its_fault(big_run: Run) -> None:
    for row in big_run.rows():
        if row.fault is None:
            assert (row.outcome, row.reasons) == ("accepted", ())
        else:
            assert (row.outcome, row.reasons) == (FAULTS[row.fault].outcome, FAULTS[row.fault].reasons)


def test_rates_are_kept_to_the_row(big_run: Run, generated: Callable[..., Run]) -> None:
    small = {fault.name for fault in SMALL_FILES}
    kinds = Counter(row.outcome for row in big_run.rows() if row.fault not in small)
    assert (kinds["dead_letter"], kinds["duplicate"], kinds.total()) == (400, 200, 20_000)
    assert sum(row.fault in ("late", "very_late") for row in big_run.rows()) == 200
    assert generated(files=50, duplicate_rate=0.05).report.outcomes["duplicate"] == 250


def test_the_versions_are_mixed_two_three_five(big_run: Run) -> None:
    rows = Counter(file.version for file in big_run.files if file.rows == 1_000)
    assert rows == {1: 4, 2: 6, 3: 10}


def test_version_columns_are_as_agreed(big_run: Run) -> None:
    headers: dict[str, Any] = {
        file.source: next(iter(records((big_run.landing / file.source).read_bytes()))) for file in regular(big_run)
    }
    named = Counter((file.version, "schema_version" in headers[file.source]) for file in regular(big_run))
    assert named == {(1, False): 4, (2, True): 3, (2, False): 3, (3, True): 8, (3, False): 2}


def regular(run: Run) -> Any:
    return [file for file in run.files if file.rows == run.options.rows_per_file]


def test_a_copy_repeats_a_row_that_was_accepted_before_it(big_run: Run) -> None:
    accepted: dict[Any, Any] = {}
    sources = set()
    for source, rows in big_run.rows_by_source().items():
        for row in rows:
            if row.outcome == "duplicate":
                assert row.event_id in accepted
                sources.add((row.fault, accepted[row.event_id] == source))
            if row.outcome == "accepted":
                accepted[row.event_id] = source
    assert sources == {
        ("copy_in_file", True),
        ("copy_of_earlier_file", False),
        ("same_id_other_content", True),
        ("same_id_other_content", False),
    }


def test_a_copy_in_the_file_is_exact_and_other_content_is_not(big_run: Run) -> None:
    for source, rows in big_run.rows_by_source().items():
        if not any(row.outcome == "duplicate" for row in rows):
            continue
        cells = [*records((big_run.landing / source).read_bytes())][1:]
        first = {row.event_id: cells[row.position - 1] for row in reversed(rows) if row.outcome == "accepted"}
        for row in rows:
            if row.fault == "copy_in_file":
                assert cells[row.position - 1] == first[row.event_id]
            if row.fault == "same_id_other_content" and row.event_id in first:
                assert cells[row.position - 1] != first[row.event_id]


def test_event_ids_are_unique_among_accepted_rows(big_run: Run) -> None:
    ids = [row.event_id for row in big_run.rows() if row.outcome == "accepted"]
    assert len(ids) == len(set(ids))
    assert max(len(each or "") for each in ids) == 64


def test_without_faults_everything_is_plain(clean_run: Run) -> None:
    assert clean_run.report.outcomes == {"accepted": 20_000, "duplicate": 0, "dead_letter": 0}
    assert {row.fault for row in clean_run.rows()} == {None}
    assert {file.kind for file in clean_run.files} == {None}
    assert [file.rows for file in clean_run.files] == [1_000] * 20
    assert disagreements(clean_run) == []


def test_a_plain_reader_reads_clean_files(clean_run: Run) -> None:
    rows = clean_run.rows_by_source()
    for file in clean_run.files:
        text = (clean_run.landing / file.source).read_text("utf-8")
        assert '"' not in text
        assert "\r" not in text
        found = [*csv.DictReader(io.StringIO(text), strict=True)]
        assert [row["event_id"] for row in found] == [row.event_id for row in rows[file.source]]
        assert all(row["event_time"].endswith("Z") and len(row["event_time"]) == 24 for row in found)


def test_file_kinds_look_as_named(big_run: Run) -> None:
    found = {file.kind: (big_run.landing / file.source).read_bytes() for file in big_run.files}
    assert found["empty_file"] == b""
    assert found["header_only"].count(b"\n") == 1
    assert found["byte_order_mark"].startswith(b"\xef\xbb\xbfevent_id")
    assert found["crlf"].count(b"\r\n") >= 1_001
    assert b"\n\n" in found["blank_lines"]
    assert not found["no_final_newline"].endswith(b"\n")
    assert not found["reordered"].startswith(b"event_id,user_id,event_type")
    assert b"loyalty_tier,ab_bucket" in found["extra_columns"].split(b"\n")[0]
    assert {fault.name for fault in (*SMALL_FILES, *ODD_FILES)} == {
        f.name for f in FAULTS.values() if f.kind is Kind.FILE
    }
