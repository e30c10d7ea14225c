"""``python killed_publishing.py STEP COMMAND…``: a command whose publisher is killed (SIGKILL), or waits, at a step.

Steps that kill: ``copying`` in the middle of the rows of a table, ``merging`` before what is staged is merged, ``noting`` when
rows are merged and the version is not yet written, ``committed`` right after the commit. ``waiting`` waits in the middle of the
first table's rows until the file named by GO is there, having made the one named by HERE.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_jobs.cli.app import main
from spark_jobs.publish import csv_rows, transaction, worker
from spark_jobs.publish.transaction import publish_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: The table in whose transaction it happens.
TABLE = "silver/ecommerce_events"


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait(*_: Any) -> None:
    here, go = Path(os.environ["HERE"]), Path(os.environ["GO"])
    if here.exists():
        return
    here.touch()
    while not go.exists():
        time.sleep(0.01)


def before(call: Callable[..., Any], act: Callable[..., None], named: Callable[..., str]) -> Callable[..., Any]:
    """Return the function so that it acts first where it is called for our table."""

    def made(*args: Any, **kwargs: Any) -> Any:
        if named(*args) == TABLE:
            act()
        return call(*args, **kwargs)

    return made


def in_the_middle(copy: Callable[..., int], act: Callable[..., None]) -> Callable[..., int]:
    """Return the copying function so that it acts before the third part of anything."""

    def parts(given: Iterable[bytes]) -> Iterator[bytes]:
        for number, part in enumerate(given):
            if number == 2:
                act()
            yield part

    return lambda cursor, statement, given: copy(cursor, statement, parts(given))


def patch(step: str) -> None:
    csv_rows.CHUNK_ROWS = 500
    if step in ("copying", "waiting"):
        transaction._copy = in_the_middle(transaction._copy, die if step == "copying" else wait)
    elif step == "merging":
        transaction._merge_events = before(transaction._merge_events, die, lambda cursor, target: target.table.name)
    elif step == "noting":
        transaction._record_version = before(
            transaction._record_version, die, lambda cursor, target, *_: target.table.name
        )
    elif step == "committed":

        def published(connection: Any, target: Any, *args: Any) -> Any:
            done = publish_version(connection, target, *args)
            if target.table.name == TABLE:
                die()
            return done

        vars(worker)["publish_version"] = published
    else:
        raise SystemExit(f"no such step: {step}")


if __name__ == "__main__":
    patch(sys.argv[1])
    main(sys.argv[2:])
