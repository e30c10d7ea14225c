"""The options of a run that writes a shop's changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.changes.contracts import SHOP_SUBJECTS
from generator.clock import to_ms
from generator.options import RunOptions

if TYPE_CHECKING:
    from pathlib import Path

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopOptions(RunOptions):
    """One run that writes a shop's changes. ``files`` counts days: file number n of a subject holds its changes of day n.

    ``manifests`` has the path of each wanted subject's manifest, in order; the choice of subjects changes no byte of
    any of them. ``customers`` and ``products`` are their numbers in the long run, ``orders`` the number placed
    in 30 days, ``churn`` the share of customers and of products that change in a day. A day lasts ``day_seconds``
    on the simulated clock. ``with_truth`` False leaves the truth out, which saves memory and time where no one asks.
    """

    subjects: tuple[str, ...] = SHOP_SUBJECTS
    manifests: tuple[Path, ...]
    customers: int = 1_000
    products: int = 500
    orders: int = 5_000
    churn: float = 0.02
    day_seconds: float = DAY_SECONDS
    with_truth: bool = True

    def _own_checks(self) -> list[tuple[bool, str]]:
        return [
            (not self.subjects, "subjects must name at least one subject"),
            (not set(self.subjects) <= set(SHOP_SUBJECTS), f"subjects must be among {SHOP_SUBJECTS}"),
            (len(set(self.subjects)) < len(self.subjects), "subjects must not name one twice"),
            (len(set(self.manifests)) < len(self.subjects), "manifests must name a file for each subject"),
            (self.customers < 1, f"customers must be at least 1, not {self.customers}"),
            (self.products < 1, f"products must be at least 1, not {self.products}"),
            (self.orders < 0, f"orders must be 0 or more, not {self.orders}"),
            (not 0 <= self.churn <= 10, f"churn must lie between 0 and 10, not {self.churn}"),
            (self.day_seconds < 1, f"day_seconds must be 1 or more, not {self.day_seconds}"),
        ]

    @property
    def day_ms(self) -> int:
        """Milliseconds of a simulated day."""
        return round(self.day_seconds * 1_000)

    def begin_ms(self, day: int) -> int:
        """Return the begin of a day, in milliseconds since 1970."""
        return to_ms(self.start) + day * self.day_ms

    def _row_values(self) -> tuple[object, ...]:
        return (
            self.seed,
            self.fault_rate,
            self.duplicates,
            self.lates,
            self._start_text,
            self.customers,
            self.products,
            self.orders,
            self.churn,
            self.day_ms,
        )
