"""The values of a report of a published date, and their form for machines."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spark_jobs.batch.report.dates import DateState


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the date, of the same weekday a week before and of the day before; null where it is not known."""

    name: str
    value: Decimal | int | None
    week_before: Decimal | int | None
    week_before_change: Decimal | None
    day_before: Decimal | int | None
    day_before_change: Decimal | None


@dataclass(frozen=True, slots=True)
class Day:
    """A day's sales. ``state`` is one of those in ``dates``: zeros where it has no orders, nulls where nothing is known of it.

    ``gmv_mean``: of the seven days that end with it; null where one of them is not known.
    """

    date: date
    weekday: str
    is_weekend: bool
    holiday: str | None
    state: str
    gmv: Decimal | None
    orders: int | None
    customers: int | None
    units: int | None
    average_order_value: Decimal | None
    cancelled_orders: int | None
    cancelled_amount: Decimal | None
    gmv_mean: Decimal | None


@dataclass(frozen=True, slots=True)
class StatusShare:
    """The date's orders of one status."""

    status: str
    orders: int
    amount: Decimal
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class RefundDay:
    """Payments of the orders of a day, and how many of them were refunded since; nulls where it has no payments."""

    date: date
    paid_orders: int | None
    paid_amount: Decimal | None
    refunded_orders: int | None
    refunded_amount: Decimal | None
    refund_rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product's place among the date's; ``share`` of the date's gmv."""

    rank: int
    product_id: int
    product_name: str | None
    category: str | None
    orders: int
    units: int
    revenue: Decimal
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class PriceMove:
    """A product's prices in the date's month; ``change``: from opening to closing, null where no price opened the month."""

    product_id: int
    product_name: str | None
    price_changes: int
    opening_price: Decimal | None
    closing_price: Decimal | None
    min_price: Decimal | None
    max_price: Decimal | None
    average_price: Decimal | None
    volatility: Decimal | None
    change: Decimal | None


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of the date's month: how many products changed theirs, and those that moved most, the most volatile first."""

    month: date
    products: int
    moves: tuple[PriceMove, ...]


@dataclass(frozen=True, slots=True)
class QualityDay:
    """Rows whose event time falls on a day, over all subjects; ``late``: those among the rows accepted on that day.

    Nulls where no row has that day, or no batch ran on it.
    """

    date: date
    accepted: int | None
    dead_letters: int | None
    error_rate: Decimal | None
    late: int | None


@dataclass(frozen=True, slots=True)
class SubjectQuality:
    """The date's rows of one subject, counted as those of a QualityDay; ``late`` is null where no batch of it ran on the date."""

    subject: str
    accepted: int
    dead_letters: int
    error_rate: Decimal | None
    late: int | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the trend: ``known_days`` of its days are published or have no orders; the others are not counted as zero."""

    known_days: int
    gmv: Decimal
    orders: int
    paid_amount: Decimal
    refunded_amount: Decimal
    refund_rate: Decimal | None
    accepted: int
    dead_letters: int
    error_rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Report:
    """A published date. ``days``, ``refunds`` and ``quality`` have one entry for each of the trend's days, the date's own last."""

    date: date
    standing: DateState
    figures: tuple[Figure, ...]
    totals: Totals
    days: tuple[Day, ...]
    statuses: tuple[StatusShare, ...]
    refunds: tuple[RefundDay, ...]
    top_products: tuple[Product, ...]
    prices: Prices
    quality: tuple[QualityDay, ...]
    subjects: tuple[SubjectQuality, ...]

    def figure(self, name: str) -> Figure:
        """Return the figure of that name, one of MEASURES."""
        return next(one for one in self.figures if one.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return a plain form for --json, with the names of the fields of these classes as keys, in their order.

        Decimals are strings (money with 2 places, shares and rates of one with 6, changes of one with 4), dates and times
        ISO text in UTC, what is not known null. ``figures`` is an object by name: gmv, orders, customers, units,
        average_order_value, cancelled_orders, cancelled_amount, each with value, week_before, week_before_change,
        day_before, day_before_change.
        ``standing`` has state, run_id, run_number, judged_at and gates (gate, date, passed, failing, detail, rows, accepted).
        """
        plain: dict[str, Any] = _plain(self)
        plain["figures"] = {one.pop("name"): one for one in plain["figures"]}
        return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
