"""The lock of a subject's stream, held by a real second process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spark_jobs.errors import BusyError
from spark_jobs.microbatch.lock import is_held, sole_writer

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from spark_jobs.microbatch.lock import sole_writer
with sole_writer(Path(sys.argv[1]), "events"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_with_the_holders_id_until_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "_locks" / "events.lock"
    assert not is_held(path)
    with holder(path) as process:
        with (
            pytest.raises(BusyError, match=rf"'events' .* by process {process.pid}: ") as refused,
            sole_writer(path, "events"),
        ):
            pass
        assert refused.value.exit_code == 2
        assert is_held(path)
        process.kill()
        process.wait()
    assert not is_held(path)
    with sole_writer(path, "events"):
        assert path.read_text() != str(process.pid)


def test_the_lock_is_free_again_after_its_block_even_if_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with pytest.raises(RuntimeError), sole_writer(path, "events"):
        raise RuntimeError
    with sole_writer(path, "events"), sole_writer(tmp_path / "y.lock", "orders"):
        pass
