"""What lies in a landing folder, by its name. What may not be read: tests/faults/test_hostile_files_stop_nothing.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.landing.listing import list_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_all_that_lies_in_a_landing_folder_is_told_but_what_is_hidden(tmp_path: Path) -> None:
    names = ["1.csv", "d/2.jsonl", "3.csv.gz", "4.jsonl.gz", "out.csv/part-0.csv"]
    foreign = ["1.csv.tmp", "1.txt", "1.gz", "A.CSV", "d/b.json", "csv"]
    for name in [*names, *foreign, ".1.csv", "_1.csv", "_d/1.csv", ".d/1.csv"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.csv" / "within").mkdir(parents=True)
    found = list(list_folder(tmp_path))
    assert sorted(one.name for one in found if not one.other_ending and not one.set_aside_reason) == sorted(names)
    assert sorted(one.name for one in found if one.other_ending) == sorted(foreign)
    aside = [(one.name, one.set_aside_reason) for one in found if one.set_aside_reason]
    assert aside == [("folder.csv", "a folder, with no file in it")]
    assert list(list_folder(tmp_path / "none")) == []
