"""The publisher's note of how it stands, for ``tally status``: whether Postgres is there, and how far each table is published.

A note only: what was published is what Postgres says, in the same transaction as the rows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from spark_jobs.microbatch.lock import is_held
from spark_jobs.storage.files import write_json
from spark_jobs.storage.open_tables import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spark_jobs.lake import Lake


@dataclass(frozen=True, slots=True)
class TableStanding:
    """A published table: the version of the lake's that Postgres shows, the lake's own by now, and what is wrong."""

    lake_table: str
    table: str
    shown: int | None
    version: int
    error: str

    @property
    def behind(self) -> int:
        """Versions that are not published yet."""
        return self.version + 1 - (self.shown + 1 if self.shown is not None else 0)


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """A lane: how often it died, what of when it did so last. It was started again each time."""

    lane: str
    deaths: int
    error: str
    died_at: str | None


@dataclass(frozen=True, slots=True)
class Publishing:
    """How publishing stands: where to, whether a publisher runs, its circuit breaker, and each table that the lake has.

    ``error``: why nothing can be published for now. ``refused``: what Postgres would not make, with the reasons, tables by their
    names in the lake and views by theirs. ``lanes``: those that died.
    """

    postgres: str
    running: bool
    circuit: str
    failures: int
    error: str
    tables: tuple[TableStanding, ...]
    refused: Mapping[str, str]
    lanes: tuple[LaneStanding, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain form for --json."""
        tables = [{**asdict(table), "behind": table.behind} for table in self.tables]
        return {**asdict(self), "tables": tables}


def write_state(lake: Lake, state: Mapping[str, Any]) -> None:
    """Write the note down; done twice, the second takes the first one's place. A full disk is the lake's to complain of."""
    try:
        lake.publish_state.parent.mkdir(parents=True, exist_ok=True)
        write_json(lake.publish_state, state)
    except OSError:
        return


def read_state(lake: Lake) -> Publishing | None:
    """How publishing stands; None where nothing was ever published from this lake."""
    try:
        noted = json.loads(lake.publish_state.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    tables = []
    for table in noted.pop("tables"):
        newest = open_snapshot(str(lake.root / table["lake_table"]))
        if newest is not None:
            tables.append(TableStanding(**table, version=newest.version))
    lanes = tuple(LaneStanding(**lane) for lane in noted.pop("lanes", ()) if lane["deaths"])
    refused = noted.pop("refused", {})
    running = is_held(lake.publish_lock)
    circuit = noted["circuit"] if running else "closed"
    return Publishing(
        **{**noted, "circuit": circuit}, running=running, tables=tuple(tables), refused=refused, lanes=lanes
    )
