"""The report of a published date: its sales and their trend, refunds, products, prices, quality and gates, read from gold.

Reads the marts, the books and the record of runs, starts no Spark and computes no figure that a mart already has. Nothing depends
on a clock: the same lake gives the same report.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from spark_jobs.batch.report.arithmetic import relative_change, share_of, sum_known
from spark_jobs.batch.report.dates import NO_ORDERS, PUBLISHED, read_date_state, read_gold_dates
from spark_jobs.batch.report.days import WEEK, WINDOW, rows_of_dates, window
from spark_jobs.batch.report.figures import (
    Day,
    PriceMove,
    Prices,
    Product,
    QualityDay,
    RefundDay,
    Report,
    StatusShare,
    Totals,
)
from spark_jobs.batch.report.quality import read_quality
from spark_jobs.batch.report.trend import MEASURES, compared_figure, trend_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from spark_jobs.lake import Lake

#: Products of a month whose prices moved most.
PRICE_MOVES = 10
#: The order in which an order goes through its statuses; others follow by name.
STATUSES = ("pending", "processing", "shipped", "delivered", "cancelled")


def build_report(lake: Lake, day: date) -> Report:
    """Build the report of a date. NotPublishedError where it has no published facts."""
    gold = read_gold_dates(lake)
    state = read_date_state(lake, gold, day)
    longer = trend_days(lake, gold, day)
    days, refunds = longer[-WINDOW:], _refunds(lake, day)
    quality, subjects = read_quality(lake, day)
    return Report(
        date=day,
        standing=state,
        figures=tuple(compared_figure(name, days[-1], days[-1 - WEEK], days[-2]) for name in MEASURES),
        totals=_totals(days, refunds, quality),
        days=days,
        statuses=_statuses(lake, day),
        refunds=refunds,
        top_products=_top_products(lake, day, days[-1].gmv),
        prices=_prices(lake, day.replace(day=1)),
        quality=quality,
        subjects=subjects,
    )


def _totals(days: Sequence[Day], refunds: Sequence[RefundDay], quality: Sequence[QualityDay]) -> Totals:
    paid = sum_known(one.paid_amount for one in refunds)
    refunded = sum_known(one.refunded_amount for one in refunds)
    accepted, dead = sum(one.accepted or 0 for one in quality), sum(one.dead_letters or 0 for one in quality)
    return Totals(
        known_days=sum(one.state in (PUBLISHED, NO_ORDERS) for one in days),
        gmv=sum_known(one.gmv for one in days),
        orders=sum(one.orders or 0 for one in days),
        paid_amount=paid,
        refunded_amount=refunded,
        refund_rate=share_of(refunded, paid),
        accepted=accepted,
        dead_letters=dead,
        error_rate=share_of(dead, accepted + dead),
    )


def _statuses(lake: Lake, day: date) -> tuple[StatusShare, ...]:
    rows = rows_of_dates(lake, "orders_by_status", [day])
    place = {status: number for number, status in enumerate(STATUSES)}
    rows.sort(key=lambda row: (place.get(row["status"], len(place)), row["status"] or ""))
    return tuple(StatusShare(row["status"] or "unknown", row["orders"], row["amount"], row["share"]) for row in rows)


def _refunds(lake: Lake, day: date) -> tuple[RefundDay, ...]:
    wanted = window(day)
    rows = {row.pop("order_date"): row for row in rows_of_dates(lake, "refund_rate", wanted)}
    names = [one.name for one in fields(RefundDay)][1:]
    return tuple(RefundDay(each, **rows.get(each, dict.fromkeys(names))) for each in wanted)


def _top_products(lake: Lake, day: date, gmv: Decimal | None) -> tuple[Product, ...]:
    rows = sorted(rows_of_dates(lake, "top_products", [day]), key=lambda row: row["rank"])
    names = [one.name for one in fields(Product)][:-1]
    return tuple(Product(**{name: row[name] for name in names}, share=share_of(row["revenue"], gmv)) for row in rows)


def _prices(lake: Lake, month: date) -> Prices:
    rows = rows_of_dates(lake, "price_volatility", [month], by="month")
    rows.sort(key=lambda row: (-(row["volatility"] or 0), row["product_id"]))
    return Prices(month, len(rows), tuple(_price_move(row) for row in rows[:PRICE_MOVES]))


def _price_move(row: Mapping[str, Any]) -> PriceMove:
    names = [one.name for one in fields(PriceMove)][:-1]
    return PriceMove(
        **{name: row[name] for name in names}, change=relative_change(row["opening_price"], row["closing_price"])
    )
