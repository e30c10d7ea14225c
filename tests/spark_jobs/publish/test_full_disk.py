"""A server whose disk is full: nothing is shown by halves, it is said, and once there is room everything comes.

Covers breaker and publisher.
"""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from support.lakes import new_workspace
from support.postgres_servers import DEBIAN, debian_server
from support.published_lake import PublishedLake, event, fetch, product
from support.waiting import wait_until

from config.postgres import connect
from spark_jobs.publish.breaker import Breaker
from spark_jobs.publish.errors import PublishError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgres_servers import Debian

EVENTS, PRODUCTS = "silver/ecommerce_events", "silver/products"
#: What initdb and the tables need, and some; left in the end is less than the rows need.
DISK, LEFT = 300 << 20, 1 << 20
ROWS = 4_000


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Debian]:
    """Debian's server on a file system of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)]
    if DEBIAN is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("Debian's PostgreSQL is not installed, or no file system may be mounted here")
    server = None
    try:
        server = debian_server(disk / "data")
        yield server
    finally:
        if server is not None:
            server.stop()
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """All of the disk but a little, by one file."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - LEFT)
    return filler


def test_what_does_not_fit_is_published_once_there_is_room(small: Debian, tmp_path: Path) -> None:
    published = PublishedLake(new_workspace(tmp_path))
    owner = connect(small.database, "owner", application="tests")
    published.prepare(owner)
    published.append(EVENTS, *map(event, range(ROWS)))
    published.put(PRODUCTS, *map(product, range(20)))
    filler = fill(tmp_path / "disk")
    with pytest.raises(PublishError, match=r"has no room left \(.*No space left on device\): make room, then run"):
        published.publisher(small.database).catch_up()
    assert fetch(owner, "SELECT count(*) FROM ecommerce_events") == [0]
    stop = threading.Event()
    running = published.publisher(small.database, stop, Breaker(open_seconds=0.2))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        wait_until(lambda: running.breaker.state == "open")
        filler.unlink()
        wait_until(lambda: running.rows >= ROWS and not any(one.is_behind_now() for one in running.tables))
    finally:
        stop.set()
        thread.join()
    assert published.is_equal(owner, EVENTS)
    assert published.is_equal(owner, PRODUCTS)
    owner.close()
