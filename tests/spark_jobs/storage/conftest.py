"""Fixtures of storage's tests."""

from __future__ import annotations

import pytest
from support.tables_with_a_key import small_limits


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are many."""
    small_limits(monkeypatch)
