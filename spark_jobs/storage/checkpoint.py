"""Write a table's checkpoints, every so many versions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError

from spark_jobs.storage.cache import storage_cache
from spark_jobs.storage.delta_log import log_folder
from spark_jobs.storage.files import sync_all
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("tallylake.commit")


def checkpoint_if_due(path: str, version: int, configuration: Mapping[str, str]) -> None:
    """Write a checkpoint if the entry of that version is one of those after which the table wants one.

    It only makes reading cheaper, so where it fails the commit is none the worse.
    """
    if version % int(configuration.get("delta.checkpointInterval", "10")):
        return
    try:
        write_checkpoint(path, clean=configuration.get("delta.enableExpiredLogCleanup", "true") == "true")
    except (DeltaError, OSError) as error:
        log.warning("%s: no checkpoint of version %d: %s", path, version, error)


def write_checkpoint(path: str, *, clean: bool) -> None:
    """Write a checkpoint of the table as it stands now; if ``clean``, drop entries past their time. Done twice, no harm.

    What an entry said is on disk in the checkpoint before the entry goes.
    """
    with storage_cache().lock:
        found = open_table(path)
        assert found is not None
        found.create_checkpoint()
        folder = log_folder(path)
        made = folder.glob(f"{found.version():020}.checkpoint*.parquet")
        sync_all([*made, folder / "_last_checkpoint", folder])
        if clean:
            found.cleanup_metadata()
