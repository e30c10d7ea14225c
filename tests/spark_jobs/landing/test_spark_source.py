"""The names of a landed file. The stream itself: tests/spark_jobs/queries/test_ingest_and_refine.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_jobs.landing.spark_source import local_path


@pytest.mark.parametrize("name", ["a b.csv", "p%20q.csv", "h#x.csv", "q?y.csv", "ü+.csv"])
def test_a_path_of_sparks_is_taken_as_it_stands(name: str) -> None:
    assert local_path(f"file:/data/{name}") == Path("/data") / name == local_path(f"file:///data/{name}")
