"""Sums, shares and changes of a report, in exact decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CENT = Decimal("0.01")
SHARE = Decimal("0.000001")
CHANGE = Decimal("0.0001")


def sum_known(values: Iterable[Decimal | None]) -> Decimal:
    """Sum the values that are known; 0.00 where none is."""
    return sum((value for value in values if value is not None), Decimal("0.00"))


def share_of(part: Decimal | int, whole: Decimal | int | None) -> Decimal | None:
    """Return a part as a share of the whole, with 6 places; None where the whole is 0 or not known."""
    return rounded(Decimal(part) / whole, SHARE) if whole else None


def relative_change(before: Decimal | int | None, after: Decimal | int | None) -> Decimal | None:
    """Return the change relative to the value before, with 4 places; None where that is 0, or one of the two is not known."""
    if not before or after is None:
        return None
    return rounded(Decimal(after - before) / before, CHANGE)


def rounded(value: Decimal, places: Decimal) -> Decimal:
    """Round half up to these places."""
    return value.quantize(places, ROUND_HALF_UP)
