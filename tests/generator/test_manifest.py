"""The manifest: one line for each record; blocks count only when closed and delivered."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from generator.manifest import ManifestRow, read_manifest, summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.event_runs import Run

ROW = (
    '{"source": "s/a.csv", "position": 1, "event_id": "e1", "version": 1, "fault": null, '
    '"outcome": "accepted", "reasons": []}\n'
)
CLOSED = (
    '{"file": "s/a.csv", "number": 1, "rows": 1, "kind": null, "world": "w", "first": 1, '
    '"origin_ms": 0, "until_ms": 0, "done": true}\n'
)


def test_a_row_has_its_source_position_fault_outcome_and_reasons(generated: Callable[..., Run]) -> None:
    run = generated(rows_per_file=4_000, files=1)
    found = {row.fault: row for row in run.rows()}
    assert found["price_nan"]._replace(position=0, event_id="") == ManifestRow(
        source="ecommerce_events/events_000001.csv",
        position=0,
        event_id="",
        version=3,
        fault="price_nan",
        outcome="dead_letter",
        reasons=(("bad_type", "price"),),
    )
    assert [row.position for row in run.rows()] == [*range(1, 4_001)]


def test_the_lines_are_plain_json_with_the_promised_names(generated: Callable[..., Run]) -> None:
    run = generated(files=1)
    *rows, closing = map(json.loads, run.options.manifest.read_text("utf-8").splitlines())
    assert {tuple(row) for row in rows} == {
        ("source", "position", "event_id", "version", "fault", "outcome", "reasons")
    }
    assert (closing["file"], closing["rows"], closing["done"]) == (rows[0]["source"], 100, True)


def test_a_reason_about_the_whole_line_names_no_field(big_run: Run) -> None:
    found = {row.reasons for row in big_run.rows() if row.fault == "row_too_short"}
    assert found == {(("column_count", None),)}


def test_a_row_without_an_event_id_says_so(big_run: Run) -> None:
    found = {row.fault: row.event_id for row in big_run.rows()}
    assert [found[name] for name in ("event_id_missing", "event_id_blank", "strange_header")] == [None] * 3


def test_an_unclosed_block_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(ROW + CLOSED + ROW + CLOSED[:-20], "utf-8")
    assert len([*read_manifest(path)]) == 1


def test_a_block_whose_file_was_never_delivered_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(ROW + CLOSED + (ROW + CLOSED).replace("a.csv", "b.csv"), "utf-8")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.csv").touch()
    assert [row.source for row in read_manifest(path, tmp_path)] == ["s/a.csv"]
    assert summary(path, tmp_path).rows == 1
    assert summary(path).rows == 2


def test_rows_left_over_from_a_torn_block_are_not_taken_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(ROW.replace("e1", "torn") + ROW + CLOSED, "utf-8")
    assert [row.event_id for row in read_manifest(path)] == ["e1"]


def test_the_summary_counts_what_the_run_reported(big_run: Run) -> None:
    found = summary(big_run.options.manifest, big_run.landing)
    assert found.outcomes == big_run.report.outcomes
    assert (found.rows, found.files) == (big_run.report.rows, big_run.report.files) == (20_015, 25)
    assert found.faults == Counter(row.fault for row in big_run.rows() if row.fault)
    assert found.reasons["duplicate_header price"] == 5
    assert found.reasons["encoding"] > 0
    assert found.file_kinds["empty_file"] == 1
    assert json.dumps(found.as_dict())
