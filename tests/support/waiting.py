"""Waiting for what another process or thread does: asked again and again until it happened, for a time at most."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(happened: Callable[[], bool], *, at_most: float = 60.0) -> None:
    """Return as soon as it happened; fail after ``at_most`` seconds."""
    end = time.monotonic() + at_most
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
