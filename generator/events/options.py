"""The options of a run that writes events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.options import RunOptions

if TYPE_CHECKING:
    from pathlib import Path

KNOWN_SUBJECTS = ("ecommerce_events",)
KNOWN_VERSIONS = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOptions(RunOptions):
    """One run that writes events; ``events_per_second`` is how densely they lie on the simulated clock."""

    manifest: Path
    rows_per_file: int = 100
    subject: str = "ecommerce_events"
    versions: tuple[int, ...] = KNOWN_VERSIONS
    events_per_second: float = 2.0

    def _own_checks(self) -> list[tuple[bool, str]]:
        return [
            (self.subject not in KNOWN_SUBJECTS, f"subject must be one of {KNOWN_SUBJECTS}, not {self.subject!r}"),
            (self.rows_per_file < 1, f"rows_per_file must be at least 1, not {self.rows_per_file}"),
            (self.events_per_second <= 0, f"events_per_second must be above 0, not {self.events_per_second}"),
            (not self.versions, "versions must name at least one version"),
            (not set(self.versions) <= set(KNOWN_VERSIONS), f"versions must be among {KNOWN_VERSIONS}"),
        ]

    def _row_values(self) -> tuple[object, ...]:
        return (
            self.seed,
            self.rows_per_file,
            self.fault_rate,
            self.duplicates,
            self.lates,
            self._start_text,
            self.subject,
            sorted(set(self.versions)),
            self.events_per_second,
        )
