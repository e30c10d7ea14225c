"""The versions of a key's row, as the demo and the scenarios show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spark_jobs.render.values import moment_text
from spark_jobs.storage.key_lookup import all_rows
from spark_jobs.transforms.scd2 import OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_registry.registry import Subject
    from spark_jobs.lake import Lake

#: A row of the history: the columns that were asked for, valid_from and valid_to.
Version = dict[str, Any]


def read_versions(lake: Lake, subject: Subject, columns: Sequence[str]) -> list[Version]:
    """Return all versions of a subject with a history, in order of valid_from: these columns, valid_from and valid_to."""
    table = lake.history(subject)
    assert table is not None
    versions: list[Version] = all_rows(table, [*columns, "valid_from", "valid_to"]).sort_by("valid_from").to_pylist()
    return versions


def from_until(version: Version) -> list[str]:
    """Return the two cells of a table that say since when and until when a version held."""
    until = "now" if version["valid_to"] == OPEN else moment_text(version["valid_to"])
    return [moment_text(version["valid_from"]), until]
