"""A batch of accepted changes, and the rows of the lake that it is applied to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.transforms.arrow_columns import unique_keys
from spark_jobs.transforms.entity_rows import TRUNCATE, rows_from_changes
from spark_jobs.transforms.truncates import truncates_as_deletes

if TYPE_CHECKING:
    from schema_registry.contract import Contract


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """A batch's accepted changes (columns of ``entity_row_schema``): those of a key, and truncates, which are of all keys."""

    changes: pa.Table
    truncates: pa.Table

    @classmethod
    def from_log(cls, log: pa.Table, contract: Contract) -> ChangeBatch:
        """Make it of rows of the change log (columns of ``lake.changes``). Only ``op`` makes a truncate, whatever key it names."""
        truncates = pc.fill_null(pc.equal(log["op"], TRUNCATE), False)
        changes = log.filter(pc.invert(truncates))
        return cls(rows_from_changes(changes, contract), rows_from_changes(log.filter(truncates), contract))


@dataclass(frozen=True, slots=True)
class ExistingRows:
    """Rows that the lake holds of the batch's keys, or of all keys where the batch truncates.

    ``current``: their current rows; ``log``: all earlier changes of the late keys; ``truncates``: all earlier ones; these three
    with the columns of ``entity_row_schema``. ``versions``: the keys' history (its surrogate key, the key, valid_from, version,
    is_current); None where the entity has none.
    """

    current: pa.Table
    log: pa.Table
    truncates: pa.Table
    versions: pa.Table | None


def with_deletes(batch: ChangeBatch, existing: ExistingRows, contract: Contract) -> pa.Table:
    """Return the batch's changes, then the deletes that its truncates come to for every key that there is."""
    if not batch.truncates.num_rows:
        return batch.changes
    key = list(contract.key)
    all_keys = unique_keys(pa.concat_tables([existing.current.select(key), batch.changes.select(key)]), key)
    rows = pa.concat_tables([existing.current, existing.log, batch.changes])
    return pa.concat_tables([batch.changes, truncates_as_deletes(batch.truncates, all_keys, rows, contract)])
