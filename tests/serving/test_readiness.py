"""Covers serving/readiness.py.

Covers: serving.routes.health.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from serving.readiness import Readiness, Ready

if TYPE_CHECKING:
    from collections.abc import Callable


class CountingPool:
    """A pool that counts how often it is used."""

    def __init__(self) -> None:
        self.times = 0
        self.hold, self.begun = threading.Event(), threading.Event()
        self.hold.set()

    def run(self, _: Callable[..., Ready]) -> Ready:
        self.times += 1
        self.begun.set()
        assert self.hold.wait(30)
        return Ready(ready=self.times % 2 == 1, database="ok")


def test_ready_asks_the_database_once_a_second_whoever_asks() -> None:
    pool, now = CountingPool(), [0.0]
    readiness = Readiness(pool, lambda: now[0])  # type: ignore[arg-type]
    assert [readiness.now().ready for _ in range(100)] == [True] * 100
    assert pool.times == 1
    now[0] = 1.0
    assert [readiness.now().ready for _ in range(100)] == [False] * 100
    assert pool.times == 2


def test_while_one_asks_whether_it_is_ready_the_others_do_not_wait() -> None:
    pool, now = CountingPool(), [0.0]
    readiness = Readiness(pool, lambda: now[0])  # type: ignore[arg-type]
    readiness.now()
    pool.hold.clear()
    pool.begun.clear()
    now[0] = 5.0
    one = threading.Thread(target=readiness.now)
    one.start()
    assert pool.begun.wait(30)
    assert readiness.now().ready
    pool.hold.set()
    one.join()
    assert not readiness.now().ready
