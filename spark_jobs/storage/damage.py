"""Files of tables that are not on disk as they were written, as a power cut or a restored backup can leave them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from spark_jobs.errors import TallyError
from spark_jobs.storage.add_actions import add_actions
from spark_jobs.storage.integrity import broken_parquet, check_log
from spark_jobs.storage.snapshot import DeltaLogError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How many damaged files are named; no more are looked for.
NAMED = 3


class DamagedError(TallyError):
    """Files of the lake are not on disk as they were written."""


def damaged_files(paths: Iterable[str]) -> str | None:
    """Return a sentence that names the first damaged files of the tables at these paths; None where there are none."""
    found: list[str] = []
    for path in paths:
        try:
            found += _damaged_files_of(path)[: NAMED - len(found)]
        except DeltaLogError as error:
            return str(error)
        if len(found) == NAMED:
            break
    if not found:
        return None
    return (
        f"not on disk as it was written: {'; '.join(found)}: restore it from a backup; without one, `tally rebuild` makes what "
        "comes after Bronze again, and files of Bronze are landed again under new names"
    )


def _damaged_files_of(path: str) -> list[str]:
    check_log(path)
    try:
        adds = add_actions(DeltaTable(path)).select(["path", "size_bytes"]).to_pylist()
    except DeltaError:
        return []  # whoever opens the table says so
    wrong = ((add["path"], broken_parquet(Path(path) / unquote(add["path"]), add["size_bytes"])) for add in adds)
    return [f"{Path(path) / name} {why}" for name, why in wrong if why]
