"""Settings of the star and its marts, and of the generator that makes data for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.forms import duration, matching, share, whole
from config.groups.variable import setting

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Gold:
    """The star, the marts, and the gates that hold a date back."""

    holidays_country: str = setting(
        "HOLIDAYS_COUNTRY",
        "US",
        matching(r"[A-Z]{2}", "two capital letters (ISO 3166-1 alpha-2), such as US or BR"),
        "Country whose holidays are in dim_date.",
    )
    top_products: int = setting("TOP_PRODUCTS", "10", whole(1, 10_000), "Products of a date that top_products ranks.")
    totals_tolerance: float = setting(
        "GATE_TOTALS_TOLERANCE", "0", share(), "Share of a date's orders whose lines may differ from the order's total."
    )
    volume_weeks: int = setting(
        "GATE_VOLUME_WEEKS", "8", whole(1, 520), "Weeks back whose same weekday makes a date's usual volume."
    )
    volume_min_weeks: int = setting(
        "GATE_VOLUME_MIN_WEEKS", "3", whole(1, 520), "Of these, how many need orders; with fewer, volume is not judged."
    )
    volume_tolerance: float = setting(
        "GATE_VOLUME_TOLERANCE", "0.5", share(), "Share by which a date's orders may differ from the usual volume."
    )


@dataclass(frozen=True, slots=True)
class Generator:
    """Defaults of `tally generate`."""

    seed: int = setting("GENERATOR_SEED", "42", whole(0, 2**63 - 1), "The same seed gives the same bytes.")
    fault_rate: float = setting("GENERATOR_FAULT_RATE", "0.02", share(), "Share of the rows that carry a fault.")
    rows: int = setting("GENERATOR_ROWS", "100", whole(1, 10_000_000), "Rows of a file.")
    every: timedelta = setting("GENERATOR_EVERY", "5 seconds", duration("0 ms", "1 day"), "Time between two files.")
