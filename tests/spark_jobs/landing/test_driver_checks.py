"""What a worker says is gone: only if the driver does not see it either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spark_jobs.landing.driver_checks import LandingError, require_vanished
from spark_jobs.landing.landed_file import FileToLand

if TYPE_CHECKING:
    from pathlib import Path


def landing(path: Path) -> FileToLand:
    return FileToLand(str(path), path.name, 0, 0, 0)


def test_only_what_the_driver_finds_gone_too_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_bytes(b"a\n1\n")
    files = [landing(tmp_path / name) for name in ("there.csv", "gone.csv")]
    require_vanished(files, {"gone.csv"}, tmp_path)
    require_vanished(files, set(), tmp_path / "away")
    with pytest.raises(LandingError, match=r"there\.csv was not there for the worker .* LANDING_ROOT must be storage"):
        require_vanished(files, {"there.csv", "gone.csv"}, tmp_path)
    with pytest.raises(LandingError, match=r"the landing folder .*away is gone, with 1 files"):
        require_vanished(files, {"gone.csv"}, tmp_path / "away")
