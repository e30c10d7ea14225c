"""``RunOptions``: the options that runs of every kind share, checked where they are made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from config.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)
EARLIEST_START = datetime(2000, 2, 1, tzinfo=UTC)
DEFAULT_SIDE_RATE = 0.01
HIGHEST_FAULTY_RATE = 0.9
HEAD_START = timedelta(minutes=10)


class OptionsError(UsageError):
    """An option has a value the generator cannot honour; the message names it and the expected form."""

    has_lines = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The place, length and pace of a run, and the share of its rows that is not ordinary.

    ``out`` is the landing root; files of a subject go to ``out/subject``. ``files`` counts the regular files of this
    run (None: endless); the small faulty files come in addition. Rates are fractions of all rows. ``duplicate_rate``
    and ``late_rate`` left at None mean 1 %, or nothing at all when ``fault_rate`` is 0. ``start`` is where the
    simulated clock begins. Raises OptionsError for a value that a run cannot honour.
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
        for is_wrong, sentence in (*self._shared_checks(), *self._own_checks()):
            if is_wrong:
                raise OptionsError(sentence)

    def _shared_checks(self) -> list[tuple[bool, str]]:
        rates = (self.fault_rate, self.duplicates, self.lates)
        return [
            (self.files is not None and self.files < 1, f"files must be at least 1, not {self.files}"),
            (self.every_seconds < 0, f"every_seconds must be 0 or more, not {self.every_seconds}"),
            (self.seed < 0, f"seed must be 0 or more, not {self.seed}"),
            (any(not 0 <= rate <= 1 for rate in rates), f"rates must lie between 0 and 1, not {rates}"),
            (self.faulty_rate > HIGHEST_FAULTY_RATE, f"rates must leave room for ordinary rows, but are {rates}"),
            (self.start.tzinfo is None, "start must carry a time zone"),
            (self.start.tzinfo is not None and self.start < EARLIEST_START, f"start must be {EARLIEST_START} or later"),
        ]

    def _own_checks(self) -> list[tuple[bool, str]]:
        """Return the checks of one kind of run: pairs of (the value is wrong, the error's sentence)."""
        return []

    def _row_values(self) -> tuple[object, ...]:
        """Return everything that the rows depend on, for the fingerprint."""
        return ()

    def fingerprint(self) -> str:
        """Return twelve hex digits of everything the rows depend on: not of paths, pace, compression or length."""
        return hashlib.sha256(repr(self._row_values()).encode()).hexdigest()[:12]

    @property
    def _start_text(self) -> str:
        return self.start.astimezone(UTC).isoformat()

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
    def faulty_rate(self) -> float:
        """Fraction of rows that are not ordinary."""
        return self.fault_rate + self.oddities + self.duplicates + self.lates

    def _side_rate(self, given: float | None) -> float:
        if given is not None:
            return given
        return DEFAULT_SIDE_RATE if self.fault_rate > 0 else 0.0

    def refuse_future_start(self, now: datetime) -> None:
        """Raise OptionsError if the simulated clock would begin after ``now``."""
        if self.start > now:
            raise OptionsError(f"start must not lie in the future, but is {self.start.isoformat()}")


def parse_start(text: str, *, now: datetime | None = None) -> datetime:
    """Read a ``--start`` value: ISO-8601 (UTC if it has no zone), or ``now`` for ten minutes before ``now``."""
    if text == "now":
        return (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0) - HEAD_START
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise OptionsError(f"start must be 'now' or a time such as 2026-01-01T00:00:00Z, not {text!r}") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)
