"""End to end: from a file's arrival to its rows in Postgres, through the real `tally stream` in a process of its own.

A file of customers' changes comes every second, and then a file of events beside it; another process asks Postgres for the last
row of each until it is there. Nothing is asked of the stream itself, so what is measured is what a reader of Postgres sees.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from psycopg2.errors import UndefinedTable

from config.errors import DatabaseError
from config.postgres import connect
from config.settings import load as load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg2.extensions import connection as Connection


#: Files that are not measured: the JVM warms up.
WARM = 120
ROWS = 100
ASK_SECONDS = 0.02
PATIENCE = 300.0
QUERIES = {
    "ecommerce_events": "SELECT event_id FROM ecommerce_events WHERE event_id = ANY(%s)",
    "customers": "SELECT 'c' || customer_id FROM customers WHERE 'c' || customer_id = ANY(%s)",
}


def measure(out: Path, files: int) -> dict[str, Any]:
    """Seconds from arrival to Postgres for ``files`` files: of changes alone, then of events and changes at once."""
    return {" and ".join(subjects): _measured(out, files, subjects) for subjects in (("customers",), tuple(QUERIES))}


def _measured(out: Path, files: int, subjects: tuple[str, ...], every: float = 1.0) -> dict[str, Any]:
    root = out / "end_to_end"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with _stream(root, subjects) as process:
        connection = _when_prepared(root, process)
        watch = _Watch(connection)
        watcher = threading.Thread(target=watch.run)
        watcher.start()
        for number in range(WARM + files):
            due = time.monotonic() + every
            for subject in subjects:
                watch.dropped(subject, number, _drop(root, subject, number))
            time.sleep(max(0.0, due - time.monotonic()))
        watch.ended.set()
        watcher.join()
    return {
        "files": files,
        "rows_a_file": ROWS,
        "seconds_between_files": every,
        **{subject: _told(watch.seconds[subject]) for subject in subjects},
    }


def _told(seconds: dict[int, float]) -> dict[str, float]:
    measured = [taken for number, taken in seconds.items() if number >= WARM]
    p50, p95, longest = np.quantile(measured, [0.5, 0.95, 1.0])
    return {"median": round(float(p50), 2), "p95": round(float(p95), 2), "longest": round(float(longest), 2)}


class _Watch:
    """Asks Postgres for the last row of every file that has not come yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: dict[str, dict[str, tuple[int, float]]] = {subject: {} for subject in QUERIES}
        self.seconds: dict[str, dict[int, float]] = {subject: {} for subject in QUERIES}
        self.ended = threading.Event()

    def dropped(self, subject: str, number: int, key: str) -> None:
        """A file has come."""
        self._waiting[subject][key] = (number, time.monotonic())

    def run(self) -> None:
        """Ask until all have come."""
        until = None
        while not self.ended.is_set() or any(self._waiting.values()):
            for subject, query in QUERIES.items():
                self._ask(subject, query)
            if self.ended.is_set():
                until = until or time.monotonic() + PATIENCE
                assert time.monotonic() < until, f"never came: {self._waiting}"
            time.sleep(ASK_SECONDS)

    def _ask(self, subject: str, query: str) -> None:
        keys = list(self._waiting[subject])
        if not keys:
            return
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(query, (keys,))
            come = [row[0] for row in cursor.fetchall()]
        for key in come:
            number, since = self._waiting[subject].pop(key)
            self.seconds[subject][number] = time.monotonic() - since


@contextmanager
def _stream(root: Path, subjects: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    """The stream as a user starts it, with a trigger of a second; ended as a user ends it."""
    with (root / "stream.log").open("wb") as out:
        command = (sys.executable, "-m", "spark_jobs", "stream", *subjects)
        process = subprocess.Popen(command, env=_environment(root), stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)


def _environment(root: Path) -> dict[str, str]:
    places = {"LAKE_ROOT": "lake", "LANDING_ROOT": "input", "LOG_ROOT": "logs", "POSTGRES_ROOT": "postgres"}
    chosen = {name: str(root / folder) for name, folder in places.items()}
    return {**os.environ, **chosen, "TRIGGER_INTERVAL": "1 second", "PUBLISH": "on", "SPARK_MASTER": "local[2]"}


def _when_prepared(root: Path, process: subprocess.Popen[bytes]) -> Connection:
    """A reader's connection, once the stream has made the tables."""
    database = replace(load_settings(dotenv=None).database, root=root / "postgres", url=None, host=None)
    until = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, "the stream ended by itself: see stream.log"
        assert time.monotonic() < until, "the stream did not start: see stream.log"
        try:
            connection = connect(database, "reader", application="benchmark")
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM customers")
            return connection
        except (DatabaseError, UndefinedTable):
            time.sleep(0.5)


def _drop(root: Path, subject: str, number: int) -> str:
    """A file of rows that nobody has seen, under its name at once; what to ask for its last row by."""
    folder = root / "input" / subject
    folder.mkdir(parents=True, exist_ok=True)
    lines, key = _events(number) if subject == "ecommerce_events" else _customers(number)
    hidden = folder / f".{number:06}.tmp"
    hidden.write_text("\n".join(lines) + "\n")
    hidden.rename(folder / f"{number:06}.csv")
    return key


def _events(number: int) -> tuple[list[str], str]:
    at = datetime.now(UTC).isoformat()
    lines = ["event_id,user_id,event_type,product_id,price,event_time"]
    lines += [f"e{number}-{row},{row + 1},view,{row + 1},9.99,{at}" for row in range(ROWS)]
    return lines, f"e{number}-{ROWS - 1}"


def _customers(number: int) -> tuple[list[str], str]:
    """Changes of customers that are there already, and one of a new customer, whose key is the file's number."""
    at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    lines = [
        "change_id,op,event_ts,seq,customer_id,first_name,last_name,email,phone,address,city,country,segment,created_at"
    ]
    keys = itertools.chain(range(1_000_000, 1_000_000 + ROWS - 1), [number + 1])
    for row, key in enumerate(keys):
        seq = number * ROWS + row + 1
        lines.append(f"c{seq},u,{at},{seq},{key},A,B,a{key}@x.example,,Street {number},Oslo,NO,new,")
    return lines, f"c{number + 1}"
