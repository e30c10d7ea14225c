"""A writer that is never first gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.tables_with_a_key import put, table_with_a_key

from spark_jobs.storage import replace as replace_module
from spark_jobs.storage import retries
from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_writer_that_is_never_first_gives_up_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replace_module, "put_if_absent", lambda *_: False)
    monkeypatch.setattr(retries, "ATTEMPTS", 3)
    with pytest.raises(DeltaLogError, match="first 3 times"):
        put(table_with_a_key(tmp_path), 0, {1: "a"})
