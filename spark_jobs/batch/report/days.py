"""The days that a report looks at, and the rows of gold on them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.storage.key_lookup import rows_with_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.lake import Lake

#: Days that a trend shows, the date itself the last.
WINDOW = 28
WEEK = 7


def window(day: date, length: int = WINDOW) -> list[date]:
    """Return the days that end with this one, oldest first."""
    return [day - timedelta(days=back) for back in reversed(range(length))]


def rows_of_dates(lake: Lake, name: str, days: Sequence[date], by: str = "order_date") -> list[dict[str, Any]]:
    """Return the rows of a table of gold whose date (in the column ``by``) is one of these."""
    table = lake.gold(name)
    found: list[dict[str, Any]] = rows_with_keys(
        table, pa.array(days, pa.date32()), table.schema.names, by=(by,)
    ).to_pylist()
    return found
