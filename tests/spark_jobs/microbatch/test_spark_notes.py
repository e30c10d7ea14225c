"""Spark's notes after a power cut: those that it cannot go on from are set aside, all others stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.power_cuts import CUTS, cut, damage
from support.spark_checkpoints import checkpoint_of, plans_and_commits, write_listings, write_note

from spark_jobs.microbatch.spark_notes import ProgressError, query_id, repair_notes

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("cut", [CUTS["empty"], CUTS["zeros"]], ids=["empty", "zeros"])
@pytest.mark.parametrize(
    ("damaged", "left"),
    [
        (["offsets/2"], (["0", "1"], ["0", "1"])),
        (["commits/1"], (["0", "1", "2"], ["0"])),
        (["offsets/2", "commits/1"], (["0", "1"], ["0"])),
    ],
)
def test_the_newest_notes_of_a_query_are_set_aside_and_planned_anew(
    tmp_path: Path, damaged: list[str], left: tuple[list[str], list[str]], cut: Callable[[bytes], bytes]
) -> None:
    root = checkpoint_of(tmp_path, 3, 2, 3)
    for name in damaged:
        damage(root / name, cut)
    assert len(repair_notes(root)) == len(damaged)
    assert plans_and_commits(root) == left
    assert repair_notes(root) == []
    assert not any((root / name).with_name(f".{Path(name).name}.crc").exists() for name in damaged)


def test_a_plan_whose_batch_is_done_goes_with_the_note_that_it_is(tmp_path: Path) -> None:
    root = checkpoint_of(tmp_path, 3, 3, 3)
    damage(root / "offsets" / "2", CUTS["empty"])
    assert len(repair_notes(root)) == 2
    assert plans_and_commits(root) == (["0", "1"], ["0", "1"])


def test_a_plan_by_a_listing_that_is_lost_is_planned_anew(tmp_path: Path) -> None:
    root = checkpoint_of(tmp_path, 3, 2, 2)
    (told,) = repair_notes(root)
    assert "offsets/2 is of listing 2 of the landed files, which is lost" in told
    assert plans_and_commits(root) == (["0", "1"], ["0", "1"])


@cut
@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("offsets/1", (["0"], ["0"])),
        ("sources/0/2", (["0", "1"], ["0", "1"])),
        ("sources/0/1", (["0"], ["0"])),
    ],
)
def test_what_goes_by_an_older_note_or_a_listing_that_is_lost_is_planned_anew(
    tmp_path: Path, name: str, left: tuple[list[str], list[str]], cut: Callable[[bytes], bytes]
) -> None:
    root = checkpoint_of(tmp_path, 3, 2, 3)
    damage(root / name, cut)
    assert any(f"{name} is " in told for told in repair_notes(root))
    assert plans_and_commits(root) == left
    assert repair_notes(root) == []


def test_a_sound_checkpoint_and_none_are_left_alone(tmp_path: Path) -> None:
    assert repair_notes(tmp_path / "none") == []
    assert repair_notes(checkpoint_of(tmp_path, 3, 2, 3)) == []
    assert plans_and_commits(tmp_path) == (["0", "1", "2"], ["0", "1"])


def test_what_keeps_spark_from_planning_is_set_aside_and_nothing_else(tmp_path: Path) -> None:
    plans, commits = tmp_path / "offsets", tmp_path / "commits"
    (tmp_path / "metadata").write_text('{"id": "q"}')
    for number in (3, 4, 5, 7):
        write_note(plans / str(number), {"logOffset": 2 * number})
    for number in (3, 4, 5, 6):
        write_note(commits / str(number), {})
    write_listings(tmp_path, {"9.compact": [(tmp_path / "x", 9)], "10": [], "11": [], "13": []})
    assert _set_aside(tmp_path) == ["commits/6", "offsets/7", "sources/0/13"]
    assert _set_aside(tmp_path) == []
    (plans / "5").write_bytes(b"")
    assert _set_aside(tmp_path) == ["commits/5", "offsets/5"]
    (tmp_path / "sources" / "0" / "9.compact").write_bytes(b"")
    all_ = ["commits/3", "commits/4", "offsets/3", "offsets/4", "sources/0/10", "sources/0/11", "sources/0/9.compact"]
    assert _set_aside(tmp_path) == all_
    assert _set_aside(tmp_path) == []


def _set_aside(checkpoint: Path) -> list[str]:
    return sorted(told.split()[0].removeprefix(f"{checkpoint}/") for told in repair_notes(checkpoint))


def test_a_lost_id_is_taken_from_the_journal_and_one_that_none_knows_stops_the_start_with_the_way_out(
    tmp_path: Path,
) -> None:
    write_note(tmp_path / "offsets" / "0", {"index": 0})
    with pytest.raises(ProgressError, match="restore it from a backup"):
        repair_notes(tmp_path)
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "0.json").write_text(json.dumps({"facts": {"query_id": "the-id"}}))
    assert _set_aside(tmp_path) == ["metadata"]
    assert query_id(tmp_path) == "the-id"


@cut
def test_the_id_of_a_checkpoint_is_never_made_up(tmp_path: Path, cut: Callable[[bytes], bytes]) -> None:
    (tmp_path / "metadata").write_text('{"id":"0f-1"}')
    damage(tmp_path / "metadata", cut)
    for ask in (query_id, repair_notes):
        with pytest.raises(
            ProgressError, match=r"metadata is (empty|cut off).*delete .*read again and recorded as dup"
        ):
            ask(tmp_path)
