"""The report of a published date: its sales and their trend, refunds, products, prices, quality and gates, read from gold.

Reads the marts, the books and the record of runs, starts no Spark and computes no figure that a mart already has. Nothing depends
on a clock: the same lake gives the same report.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from spark_jobs.batch.report.dates import NO_ORDERS, PUBLISHED, read_date_state, read_gold_dates
from spark_jobs.batch.report.figures import (
    Day,
    Figure,
    PriceMove,
    Prices,
    Product,
    QualityDay,
    RefundDay,
    Report,
    StatusShare,
    SubjectQuality,
    Totals,
)
from spark_jobs.storage.key_lookup import rows_with_keys
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from spark_jobs.batch.report.dates import GoldDates
    from spark_jobs.lake import Lake

#: Days that a trend shows, the date itself the last.
WINDOW = 28
WEEK = 7
#: Products of a month whose prices moved most.
PRICE_MOVES = 10
#: The order in which an order goes through its statuses; others follow by name.
STATUSES = ("pending", "processing", "shipped", "delivered", "cancelled")
MEASURES = ("gmv", "orders", "customers", "units", "average_order_value", "cancelled_orders", "cancelled_amount")
CENT = Decimal("0.01")
SHARE = Decimal("0.000001")
CHANGE = Decimal("0.0001")


def build_report(lake: Lake, day: date) -> Report:
    """The report of a date. NotPublishedError where it has no published facts."""
    gold = read_gold_dates(lake)
    stands = read_date_state(lake, gold, day)
    longer = _days(lake, gold, day)
    days, refunds = longer[-WINDOW:], _refunds(lake, day)
    quality, subjects = _quality(lake, day)
    return Report(
        date=day,
        standing=stands,
        figures=tuple(_figure(name, days[-1], days[-1 - WEEK], days[-2]) for name in MEASURES),
        totals=_totals(days, refunds, quality),
        days=days,
        statuses=_statuses(lake, day),
        refunds=refunds,
        top_products=_top_products(lake, day, days[-1].gmv),
        prices=_prices(lake, day.replace(day=1)),
        quality=quality,
        subjects=subjects,
    )


def _window(day: date, length: int = WINDOW) -> list[date]:
    return [day - timedelta(days=back) for back in reversed(range(length))]


def _dated(lake: Lake, name: str, days: Sequence[date], by: str = "order_date") -> list[dict[str, Any]]:
    table = lake.gold(name)
    found: list[dict[str, Any]] = rows_with_keys(
        table, pa.array(days, pa.date32()), table.schema.names, by=(by,)
    ).to_pylist()
    return found


def _days(lake: Lake, gold: GoldDates, day: date) -> tuple[Day, ...]:
    """The trend's days, and those before it that its first mean needs."""
    wanted = _window(day, WINDOW + WEEK - 1)
    sales = {row["order_date"]: row for row in _dated(lake, "daily_gmv", wanted)}
    calendar = {row["date"]: row for row in _calendar(lake, wanted)}
    measured = {each: _measures(sales.get(each), gold.state(each)) for each in wanted}
    return tuple(
        Day(each, **_named(each, calendar.get(each)), state=gold.state(each), **measured[each], gmv_mean=mean)
        for each, mean in zip(wanted, _means([measured[each]["gmv"] for each in wanted]), strict=True)
    )


def _calendar(lake: Lake, days: Sequence[date]) -> list[dict[str, Any]]:
    keys = pa.array([int(f"{each:%Y%m%d}") for each in days], pa.int32())
    found: list[dict[str, Any]] = rows_with_keys(
        lake.gold("dim_date"), keys, ["date", "is_weekend", "is_holiday", "holiday_name"]
    ).to_pylist()
    return found


def _named(day: date, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """What dim_date says of a day; what any calendar says where it does not reach."""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    known = row or {"is_weekend": day.isoweekday() > 5, "is_holiday": False, "holiday_name": None}
    holiday = (known["holiday_name"] or "holiday") if known["is_holiday"] else None
    return {"weekday": names[day.weekday()], "is_weekend": known["is_weekend"], "holiday": holiday}


def _measures(row: Mapping[str, Any] | None, state: str) -> dict[str, Any]:
    if row is not None:
        return {name: row[name] for name in MEASURES}
    none = {"gmv": Decimal("0.00"), "cancelled_amount": Decimal("0.00"), "average_order_value": None}
    return {name: none.get(name, 0) if state == NO_ORDERS else None for name in MEASURES}


def _means(values: Sequence[Decimal | None]) -> list[Decimal | None]:
    found: list[Decimal | None] = []
    for number in range(len(values)):
        week = [one for one in values[max(0, number - WEEK + 1) : number + 1] if one is not None]
        found.append(_rounded(_sum(week) / WEEK, CENT) if len(week) == WEEK else None)
    return found


def _figure(name: str, today: Day, week: Day, before: Day) -> Figure:
    value, then, yesterday = (getattr(each, name) for each in (today, week, before))
    return Figure(name, value, then, _change(then, value), yesterday, _change(yesterday, value))


def _totals(days: Sequence[Day], refunds: Sequence[RefundDay], quality: Sequence[QualityDay]) -> Totals:
    paid = _sum(one.paid_amount for one in refunds)
    refunded = _sum(one.refunded_amount for one in refunds)
    accepted, dead = sum(one.accepted or 0 for one in quality), sum(one.dead_letters or 0 for one in quality)
    return Totals(
        known_days=sum(one.state in (PUBLISHED, NO_ORDERS) for one in days),
        gmv=_sum(one.gmv for one in days),
        orders=sum(one.orders or 0 for one in days),
        paid_amount=paid,
        refunded_amount=refunded,
        refund_rate=_share(refunded, paid),
        accepted=accepted,
        dead_letters=dead,
        error_rate=_share(dead, accepted + dead),
    )


def _statuses(lake: Lake, day: date) -> tuple[StatusShare, ...]:
    rows = _dated(lake, "orders_by_status", [day])
    place = {status: number for number, status in enumerate(STATUSES)}
    rows.sort(key=lambda row: (place.get(row["status"], len(place)), row["status"] or ""))
    return tuple(StatusShare(row["status"] or "unknown", row["orders"], row["amount"], row["share"]) for row in rows)


def _refunds(lake: Lake, day: date) -> tuple[RefundDay, ...]:
    wanted = _window(day)
    rows = {row.pop("order_date"): row for row in _dated(lake, "refund_rate", wanted)}
    names = [one.name for one in fields(RefundDay)][1:]
    return tuple(RefundDay(each, **rows.get(each, dict.fromkeys(names))) for each in wanted)


def _top_products(lake: Lake, day: date, gmv: Decimal | None) -> tuple[Product, ...]:
    rows = sorted(_dated(lake, "top_products", [day]), key=lambda row: row["rank"])
    names = [one.name for one in fields(Product)][:-1]
    return tuple(Product(**{name: row[name] for name in names}, share=_share(row["revenue"], gmv)) for row in rows)


def _prices(lake: Lake, month: date) -> Prices:
    rows = _dated(lake, "price_volatility", [month], by="month")
    rows.sort(key=lambda row: (-(row["volatility"] or 0), row["product_id"]))
    return Prices(month, len(rows), tuple(_price_move(row) for row in rows[:PRICE_MOVES]))


def _price_move(row: Mapping[str, Any]) -> PriceMove:
    names = [one.name for one in fields(PriceMove)][:-1]
    return PriceMove(**{name: row[name] for name in names}, change=_change(row["opening_price"], row["closing_price"]))


def _quality(lake: Lake, day: date) -> tuple[tuple[QualityDay, ...], tuple[SubjectQuality, ...]]:
    """The trend over all subjects, and the date's own rows by subject."""
    rows = {
        (row["event_date"], row["subject"]): row for row in _dated(lake, "daily_error_rate", _window(day), "event_date")
    }
    late = _late(lake, day)
    by_day: dict[date, list[SubjectQuality]] = defaultdict(list)
    for each, subject in sorted({*rows, *late}):
        by_day[each].append(_subject_quality(subject, rows.get((each, subject), {}), late.get((each, subject))))
    batches = {each for each, _ in late}
    trend = tuple(_quality_day(each, by_day[each], batches) for each in _window(day))
    return trend, tuple(by_day[day])


def _subject_quality(subject: str, row: Mapping[str, Any], late: int | None) -> SubjectQuality:
    return SubjectQuality(subject, row.get("accepted", 0), row.get("dead_letters", 0), row.get("error_rate"), late)


def _quality_day(day: date, subjects: Sequence[SubjectQuality], batches: Collection[date]) -> QualityDay:
    accepted, dead = sum(one.accepted for one in subjects), sum(one.dead_letters for one in subjects)
    late = sum(one.late or 0 for one in subjects) if day in batches else None
    if not accepted + dead:
        return QualityDay(day, None, None, None, late)
    return QualityDay(day, accepted, dead, _share(dead, accepted + dead), late)


def _late(lake: Lake, day: date) -> Counter[tuple[date, str]]:
    """Rows accepted late by subject and day of their batch, with a zero where batches had none. Gold has no such count:
    a rebuild may judge lateness anew, so only the books say what it was when the rows came."""
    books = open_table(lake.batch_quality.path)
    found: Counter[tuple[date, str]] = Counter()
    if books is not None:
        first, end = (
            datetime(*each.timetuple()[:3], tzinfo=UTC) for each in (_window(day)[0], day + timedelta(days=1))
        )
        within = [("started_at", ">=", first), ("started_at", "<", end)]
        for row in books.to_pyarrow_table(columns=["subject", "started_at", "late"], filters=within).to_pylist():
            found[row["started_at"].astimezone(UTC).date(), row["subject"]] += row["late"] or 0
    return found


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    return sum((one for one in values if one is not None), Decimal("0.00"))


def _share(part: Decimal | int, whole: Decimal | int | None) -> Decimal | None:
    return _rounded(Decimal(part) / whole, SHARE) if whole else None


def _change(before: Decimal | int | None, after: Decimal | int | None) -> Decimal | None:
    if not before or after is None:
        return None
    return _rounded(Decimal(after - before) / before, CHANGE)


def _rounded(value: Decimal, places: Decimal) -> Decimal:
    return value.quantize(places, ROUND_HALF_UP)
