"""What an entry of a Delta log says of a file: that it is in the table from now on, or no longer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from spark_jobs.storage.log import Action
    from spark_jobs.storage.parts import Part


def addition(part: Part) -> Action:
    """What puts a part into a table. A log names paths as parts of a URL: the % of a folder's name is %25 there."""
    return {
        "add": {
            "path": quote(part.path, safe="/=:,+@"),
            "partitionValues": part.partition,
            "size": part.size,
            "modificationTime": part.modified_ms,
            "dataChange": True,
            "stats": part.stats,
        }
    }


def removal(add: Action) -> Action:
    """What takes a file out of a table: its data stays where it is, for older versions, until VACUUM."""
    kept = {name: add[name] for name in ("path", "partitionValues", "size", "deletionVector", "stats") if name in add}
    moment = {"deletionTimestamp": int(time.time() * 1000), "dataChange": True, "extendedFileMetadata": True}
    return {"remove": {**kept, **moment}}
