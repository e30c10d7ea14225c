"""``python killed_at_commit.py TABLE COMMAND…``: a command whose process is killed (SIGKILL) right before it commits to TABLE."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.gold import record
from spark_jobs.cli.app import main
from spark_jobs.microbatch import commit
from spark_jobs.queries import books

if TYPE_CHECKING:
    from collections.abc import Callable

    from spark_jobs.storage.table import Table


def dying(commit: Callable[..., Any], name: str) -> Callable[..., Any]:
    def made(table: Table, *args: Any, **kwargs: Any) -> Any:
        if table.name == name:
            os.kill(os.getpid(), signal.SIGKILL)
        return commit(table, *args, **kwargs)

    return made


if __name__ == "__main__":
    wanted = sys.argv[1]
    for module in (commit, books, record):
        for name in {"append_once", "replace_once"} & set(vars(module)):
            setattr(module, name, dying(getattr(module, name), wanted))
    main(sys.argv[2:])
