"""What a generator run is asked to do: frozen, checked once, with the values the data depend on in one fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)
EARLIEST_START = datetime(2000, 2, 1, tzinfo=UTC)
KNOWN_SUBJECTS = ("ecommerce_events",)
KNOWN_VERSIONS = (1, 2, 3)
DEFAULT_SIDE_RATE = 0.01
MOST_MARKED_ROWS = 0.9
HEAD_START = timedelta(minutes=10)


class OptionsError(ValueError):
    """An option has a value the generator cannot honour; the message names it and the expected form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What runs of every kind are asked: where to, how much, how fast, and what share of the rows is not ordinary.

    ``out`` is the landing root; files of a subject go to ``out/subject``. ``files`` counts the regular files of this
    run (None: endless); the small faulty files come in addition. Rates are fractions of all rows. ``duplicate_rate``
    and ``late_rate`` left at None mean 1 %, or nothing at all when ``fault_rate`` is 0. ``start`` is where the
    simulated clock begins.
    """

    out: Path
    files: int | None = None
    every_seconds: float = 5.0
    seed: int = 42
    fault_rate: float = 0.02
    duplicate_rate: float | None = None
    late_rate: float | None = None
    start: datetime = DEFAULT_START
    gzip: bool = False

    def __post_init__(self) -> None:
        for broken, sentence in (*self._shared_refusals(), *self._refusals()):
            if broken:
                raise OptionsError(sentence)

    def _shared_refusals(self) -> list[tuple[bool, str]]:
        rates = (self.fault_rate, self.duplicates, self.lates)
        return [
            (self.files is not None and self.files < 1, f"files must be at least 1, not {self.files}"),
            (self.every_seconds < 0, f"every_seconds must be 0 or more, not {self.every_seconds}"),
            (self.seed < 0, f"seed must be 0 or more, not {self.seed}"),
            (any(not 0 <= rate <= 1 for rate in rates), f"rates must lie between 0 and 1, not {rates}"),
            (self.marked_rate > MOST_MARKED_ROWS, f"rates must leave room for ordinary rows, but are {rates}"),
            (self.start.tzinfo is None, "start must carry a time zone"),
            (self.start.tzinfo is not None and self.start < EARLIEST_START, f"start must be {EARLIEST_START} or later"),
        ]

    def _refusals(self) -> list[tuple[bool, str]]:
        """What a kind of run refuses beyond what all refuse: pairs of whether it is so and the sentence to say."""
        return []

    @property
    def duplicates(self) -> float:
        """Fraction of rows that repeat an earlier one."""
        return self._side_rate(self.duplicate_rate)

    @property
    def lates(self) -> float:
        """Fraction of rows whose event time lies well behind the clock."""
        return self._side_rate(self.late_rate)

    @property
    def oddities(self) -> float:
        """Fraction of rows written in an unusual but valid way: half the fault rate."""
        return self.fault_rate / 2

    @property
    def marked_rate(self) -> float:
        """Fraction of rows that are not ordinary."""
        return self.fault_rate + self.oddities + self.duplicates + self.lates

    def _side_rate(self, given: float | None) -> float:
        if given is not None:
            return given
        return DEFAULT_SIDE_RATE if self.fault_rate > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorOptions(RunOptions):
    """One run of the generator of events; ``events_per_second`` is how densely they lie on the simulated clock."""

    manifest: Path
    rows_per_file: int = 100
    subject: str = "ecommerce_events"
    versions: tuple[int, ...] = KNOWN_VERSIONS
    events_per_second: float = 2.0

    def _refusals(self) -> list[tuple[bool, str]]:
        return [
            (self.subject not in KNOWN_SUBJECTS, f"subject must be one of {KNOWN_SUBJECTS}, not {self.subject!r}"),
            (self.rows_per_file < 1, f"rows_per_file must be at least 1, not {self.rows_per_file}"),
            (self.events_per_second <= 0, f"events_per_second must be above 0, not {self.events_per_second}"),
            (not self.versions, "versions must name at least one version"),
            (not set(self.versions) <= set(KNOWN_VERSIONS), f"versions must be among {KNOWN_VERSIONS}"),
        ]

    def fingerprint(self) -> str:
        """Twelve hex digits of everything the rows depend on (not of paths, pace, compression or number of files)."""
        parts = (
            self.seed,
            self.rows_per_file,
            self.fault_rate,
            self.duplicates,
            self.lates,
            self.start.astimezone(UTC).isoformat(),
            self.subject,
            sorted(set(self.versions)),
            self.events_per_second,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def parse_start(text: str, *, now: datetime | None = None) -> datetime:
    """Read a ``--start`` value: ISO-8601 (UTC if it has no zone), or ``now`` for ten minutes before ``now``."""
    if text == "now":
        return (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0) - HEAD_START
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise OptionsError(f"start must be 'now' or a time such as 2026-01-01T00:00:00Z, not {text!r}") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)
