"""Generated files that several tests of the generator read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.event_runs import Run, generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def generated(tmp_path: Path) -> Callable[..., Run]:
    """Generate into this test's folder."""
    return lambda **wanted: generate(tmp_path, **wanted)


@pytest.fixture(scope="session")
def big_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """20,000 rows in 20 files with the usual faults."""
    return generate(tmp_path_factory.mktemp("big"), rows_per_file=1_000, files=20)


@pytest.fixture(scope="session")
def clean_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """20,000 rows in 20 files without any fault."""
    return generate(tmp_path_factory.mktemp("clean"), rows_per_file=1_000, files=20, fault_rate=0)
