"""The simulated clock: from the n-th event of a run to its moment, with a daily rhythm; moments as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

DAY_SECONDS = 86_400
# Traffic of each hour (UTC) relative to the day's mean.
RHYTHM = (
    0.45, 0.35, 0.30, 0.30, 0.35, 0.50, 0.75, 0.95, 1.05, 1.10, 1.15, 1.20,
    1.30, 1.20, 1.10, 1.10, 1.15, 1.25, 1.45, 1.65, 1.75, 1.60, 1.15, 0.85,
)  # fmt: skip
_HOURS = np.arange(25, dtype=np.float64) * 3_600
_DONE = np.concatenate([[0.0], np.cumsum(RHYTHM)]) / sum(RHYTHM)


@dataclass(frozen=True, slots=True)
class Clock:
    """Maps event ordinals (from 0 at ``origin_ms``, milliseconds since 1970, UTC) to moments, never backwards."""

    origin_ms: int
    events_per_second: float = 2.0

    def at(self, ordinals: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return moments in milliseconds since 1970, one for each ordinal."""
        per_day = self.events_per_second * DAY_SECONDS
        midnight_ms = self.origin_ms // (DAY_SECONDS * 1_000) * (DAY_SECONDS * 1_000)
        before = float(np.interp((self.origin_ms - midnight_ms) / 1_000, _HOURS, _DONE)) * per_day
        days, rest = np.divmod(ordinals + before, per_day)
        seconds = days * DAY_SECONDS + np.interp(rest / per_day, _DONE, _HOURS)
        return np.asarray(midnight_ms + np.floor(seconds * 1_000 + 1e-6), dtype=np.int64)

    def moment(self, ordinal: int) -> int:
        """Return the moment of one ordinal, in milliseconds since 1970."""
        return int(self.at(np.asarray([float(ordinal)]))[0])


def to_ms(moment: datetime) -> int:
    """Return the milliseconds since 1970 of a moment with a zone."""
    return round(moment.timestamp() * 1_000)


def to_text(moment_ms: int) -> str:
    """Return the usual spelling, such as ``2026-01-05T10:11:12.345Z``."""
    day, rest = divmod(moment_ms, DAY_SECONDS * 1_000)
    seconds, thousandths = divmod(rest, 1_000)
    minutes, second = divmod(seconds, 60)
    return f"{_date(day)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{thousandths:03d}Z"


@lru_cache(maxsize=4_096)
def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
