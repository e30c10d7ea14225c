"""The range of a batch, read from Spark's checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.spark_checkpoints import write_listings, write_note

from spark_jobs.microbatch.offsets import SourceRange, listed, source_range

if TYPE_CHECKING:
    from pathlib import Path


def test_a_batch_of_files_is_told_by_its_files_and_not_by_its_number(tmp_path: Path) -> None:
    """The list of the files may be made anew under the same numbers, with other files."""
    paths = [tmp_path / name for name in ("a b%.csv", "c.csv", "d.csv")]
    write_listings(
        tmp_path,
        {"0": [(paths[0], 0)], "1": [(paths[1], 1)], "2.compact": [(paths[0], 0), (paths[1], 1), (paths[2], 2)]},
    )
    write_note(tmp_path / "offsets" / "0", {"logOffset": 0})
    write_note(tmp_path / "offsets" / "1", {"logOffset": 2})
    first, second = source_range(tmp_path, 0), source_range(tmp_path, 1)
    assert list(listed(tmp_path, -1, 0)) == [str(paths[0])]
    assert sorted(listed(tmp_path, 0, 2)) == [str(path) for path in paths[1:]]
    assert second.follows(first)
    assert second.is_same_as(SourceRange.from_json(json.loads(json.dumps(second.to_json()))))
    write_listings(tmp_path, {"2.compact": [(paths[0], 0), (paths[1], 1)]})
    assert not source_range(tmp_path, 1).is_same_as(second)
    assert not first.follows(second)
    assert not source_range(tmp_path, 7).is_same_as(source_range(tmp_path, 7))
