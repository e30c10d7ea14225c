"""A report says what gold has of a date, no more: tables written by hand, read back as figures, JSON and a page. No Spark.

Covers report/build, trend, quality, dates, figures, page, page_charts, texts and file, and cli/report.

Covers: spark_jobs.batch.report.*, spark_jobs.cli.report, spark_jobs.render.report.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from itertools import count
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest

from spark_jobs.batch.gold.record import GateResult, RunRecord, record_run
from spark_jobs.batch.report.build import build_report
from spark_jobs.batch.report.dates import NotPublishedError
from spark_jobs.batch.report.page import page
from spark_jobs.cli.app import main
from spark_jobs.lake import Lake
from spark_jobs.schemas import BATCH_QUALITY
from spark_jobs.storage.append import append_once
from spark_jobs.storage.replace import replace_once
from spark_jobs.storage.table_writer import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A Wednesday; the figures of a day n days before it are those of `gmv_of(n)`.
DAY = date(2026, 2, 11)
SCRIPT = "<script>alert(1)</script>"


def back(days: int) -> date:
    return DAY - timedelta(days=days)


def money(text: str | int) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))


@dataclass
class Written:
    """A lake whose gold is written by hand."""

    lake: Lake
    versions: Iterator[int] = field(default_factory=lambda: count(1))

    def put(self, name: str, *rows: dict[str, Any]) -> Written:
        table = self.lake.gold(name)
        filled = [{**dict.fromkeys(table.schema.names), **row} for row in rows]
        parts = write_parts(table, pa.Table.from_pylist(filled, schema=table.schema))
        assert replace_once(table, parts, writer="hand", version=next(self.versions))
        return self

    def sales(self, *days: int, **figures: Any) -> Written:
        """Days that many days before DAY, each with these figures or else plain ones."""
        plain = {"gmv": money(1000), "orders": 20, "customers": 15, "units": 50, "average_order_value": money(50)}
        plain |= {"cancelled_orders": 2, "cancelled_amount": money(80)}
        return self.put("daily_gmv", *[{"order_date": back(day), **plain, **figures} for day in days])

    def run(self, number: int = 1, **told: Any) -> Written:
        record = RunRecord(
            run_id=f"run-{number}",
            lineage="one",
            run_number=number,
            command="run",
            run_date=DAY,
            start_date=None,
            end_date=DAY,
            started_at=datetime(2026, 2, 12, 4, number % 60, tzinfo=UTC),
        )
        record_run(self.lake, replace(record, **told).to_row(), self.lake.root / "_records")
        return self

    def late(self, subject: str, started_at: datetime, late: int) -> Written:
        row = dict.fromkeys(BATCH_QUALITY.names) | {"started_at": started_at, "late": late, "reasons": []}
        rows = pa.Table.from_pylist([row], schema=BATCH_QUALITY).drop_columns(["subject"])
        parts = write_parts(self.lake.batch_quality, rows, subject=subject)
        assert append_once(self.lake.batch_quality, parts, writer=subject, version=next(self.versions))
        return self


@pytest.fixture
def gold(tmp_path: Path) -> Written:
    root = tmp_path / "lake"
    root.mkdir()
    return Written(Lake(root))


@pytest.fixture
def full(gold: Written) -> Written:
    """A date with something in every table."""
    return everything(gold)


def everything(gold: Written) -> Written:
    gold.sales(*range(1, 35)).sales(0, gmv=money("1234.50"), orders=25).sales(7, gmv=money(1100))
    gold.put(
        "dim_date",
        *[
            {
                "date_key": int(f"{back(day):%Y%m%d}"),
                "date": back(day),
                "is_weekend": back(day).isoweekday() > 5,
                "is_holiday": day == 23,
                "holiday_name": "Martin Luther King Jr. Day" if day == 23 else None,
            }
            for day in range(40)
        ],
    )
    shares = {"delivered": (5, "0.185185"), "pending": (20, "0.740741"), "cancelled": (2, "0.074074")}
    gold.put(
        "orders_by_status",
        *[
            {"order_date": DAY, "status": name, "orders": n, "amount": money(n * 50), "share": Decimal(share)}
            for name, (n, share) in shares.items()
        ],
    )
    paid = {"paid_orders": 10, "paid_amount": money(1000), "refunded_orders": 1, "refunded_amount": money(25)}
    gold.put(
        "refund_rate",
        *[{"order_date": back(day), **paid, "refund_rate": Decimal("0.025")} for day in range(28) if day != 3],
    )
    gold.put(
        "top_products",
        {"order_date": DAY, "rank": 2, "product_id": 8, "orders": 3, "units": 4, "revenue": money(100)},
        {
            "order_date": DAY,
            "rank": 1,
            "product_id": 7,
            "product_name": SCRIPT,
            "category": "A & B",
            "orders": 9,
            "units": 11,
            "revenue": money("617.25"),
        },
    )
    prices = {"month": DAY.replace(day=1), "price_changes": 1, "min_price": money(8), "max_price": money(10)}
    prices |= {"average_price": Decimal("9.000000"), "closing_price": money(8)}
    gold.put(
        "price_volatility",
        {"product_id": 1, "product_name": "Kettle", "opening_price": money(10), "volatility": Decimal("0.111111")}
        | prices,
        {"product_id": 2, "product_name": SCRIPT, "volatility": Decimal("0.200000")} | prices,
        {"product_id": 3, "product_name": "Other month", "volatility": Decimal(1)}
        | prices
        | {"month": date(2026, 1, 1)},
    )
    gold.put(
        "daily_error_rate",
        {"event_date": DAY, "subject": "orders", "accepted": 97, "dead_letters": 3, "error_rate": Decimal("0.03")},
        {"event_date": DAY, "subject": "payments", "accepted": 50, "dead_letters": 0, "error_rate": Decimal(0)},
        {
            "event_date": back(1),
            "subject": "orders",
            "accepted": 90,
            "dead_letters": 10,
            "error_rate": Decimal("0.1"),
        },
    )
    gold.late("orders", datetime(2026, 2, 11, 23, 59, 59, tzinfo=UTC), 4)
    gold.late("orders", datetime(2026, 2, 12, tzinfo=UTC), 100)
    gold.late("payments", datetime(2026, 2, 11, tzinfo=UTC), 0)
    gates = (GateResult("lines_have_orders", DAY, True), GateResult("other_date", back(1), False, 1))
    return gold.run(1, dates_built=(DAY,), gates=gates)


def test_figures_stand_beside_those_of_the_week_and_the_day_before(full: Written) -> None:
    found = build_report(full.lake, DAY)
    gmv = found.figure("gmv")
    assert (gmv.value, gmv.week_before, gmv.day_before) == (money("1234.50"), money(1100), money(1000))
    assert (gmv.week_before_change, gmv.day_before_change) == (Decimal("0.1223"), Decimal("0.2345"))
    assert found.figure("orders").week_before_change == Decimal("0.2500")
    assert found.figure("cancelled_orders").value == 2


def test_without_an_earlier_day_there_is_nothing_to_compare_with(gold: Written) -> None:
    gmv = build_report(gold.sales(0).lake, DAY).figure("gmv")
    assert (gmv.week_before, gmv.week_before_change, gmv.day_before, gmv.day_before_change) == (None,) * 4


def test_a_day_without_orders_that_runs_came_past_is_zero_and_a_day_before_the_first_a_gap(gold: Written) -> None:
    found = build_report(gold.sales(0, 1, 5).run().lake, DAY)
    by_date = {one.date: one for one in found.days}
    assert (by_date[back(2)].state, by_date[back(2)].gmv, by_date[back(2)].average_order_value) == (
        "no_orders",
        money(0),
        None,
    )
    assert (by_date[back(6)].state, by_date[back(6)].gmv, by_date[back(6)].orders) == ("outside", None, None)
    assert found.totals.known_days == 6
    assert found.totals.gmv == money(3000)


def test_days_held_back_or_not_built_are_gaps_and_never_zero(gold: Written) -> None:
    gold.sales(0, 1, 5).run(dates_held=(back(2),), dates_pending=(back(3),))
    by_date = {one.date: one for one in build_report(gold.lake, DAY).days}
    assert [by_date[back(day)].state for day in (2, 3, 4)] == ["held_back", "pending", "no_orders"]
    assert [by_date[back(day)].gmv for day in (2, 3, 4)] == [None, None, money(0)]


def test_a_change_from_zero_is_no_percentage(gold: Written) -> None:
    gmv = build_report(gold.sales(0, 9).run().lake, DAY).figure("gmv")
    assert (gmv.week_before, gmv.week_before_change) == (money(0), None)


def test_the_mean_of_seven_days_needs_all_seven(gold: Written) -> None:
    gold.sales(*range(1, 7)).sales(0, gmv=money("1000.01")).sales(8)
    gold.run(dates_pending=(back(7),))
    means = {one.date: one.gmv_mean for one in build_report(gold.lake, DAY).days}
    assert (means[DAY], means[back(1)]) == (money("1000.00"), None)


def test_the_trend_is_28_days_with_the_date_last_and_its_first_mean_is_of_days_before(full: Written) -> None:
    days = build_report(full.lake, DAY).days
    assert (len(days), days[0].date, days[-1].date) == (28, back(27), DAY)
    assert days[0].gmv_mean == money(1000)
    assert [one.date for one in days if one.holiday] == [back(23)]
    assert [one.weekday for one in days if one.is_weekend][:2] == ["Saturday", "Sunday"]


def test_weekends_are_known_without_dim_date(gold: Written) -> None:
    days = build_report(gold.sales(0).lake, DAY).days
    assert [one.date for one in days if one.is_weekend][-1] == date(2026, 2, 8)


def test_statuses_come_in_the_order_in_which_an_order_goes_through_them(full: Written) -> None:
    assert [one.status for one in build_report(full.lake, DAY).statuses] == ["pending", "delivered", "cancelled"]


def test_refunds_of_the_trend_are_summed_before_they_are_divided(full: Written) -> None:
    found = build_report(full.lake, DAY)
    assert found.totals.paid_amount == money(27_000)
    assert found.totals.refund_rate == Decimal("0.025000")
    assert {one.date: one.refund_rate for one in found.refunds}[back(3)] is None


def test_top_products_come_by_rank_with_their_share_of_the_day(full: Written) -> None:
    first, second = build_report(full.lake, DAY).top_products
    assert (first.product_id, first.share) == (7, Decimal("0.500000"))
    assert (second.rank, second.product_name) == (2, None)


def test_prices_are_those_of_the_dates_month_the_most_volatile_first(full: Written) -> None:
    prices = build_report(full.lake, DAY).prices
    assert [one.product_id for one in prices.moves] == [2, 1]
    assert [one.change for one in prices.moves] == [None, Decimal("-0.2000")]
    assert (prices.month, prices.products) == (date(2026, 2, 1), 2)


def test_quality_is_summed_over_subjects_and_late_rows_count_on_the_day_they_came_in(full: Written) -> None:
    found = build_report(full.lake, DAY)
    today, before = found.quality[-1], found.quality[-2]
    assert (today.accepted, today.dead_letters, today.error_rate, today.late) == (147, 3, Decimal("0.020000"), 4)
    assert (before.accepted, before.late) == (90, None)
    assert (found.quality[0].accepted, found.quality[0].error_rate) == (None, None)
    assert [(one.subject, one.late) for one in found.subjects] == [("orders", 4), ("payments", 0)]
    assert found.totals.error_rate == Decimal("0.052000")


def test_where_no_batch_ran_lateness_is_unknown_and_not_zero(gold: Written) -> None:
    row = {"event_date": DAY, "subject": "orders", "accepted": 9, "dead_letters": 0, "error_rate": Decimal(0)}
    found = build_report(gold.sales(0).put("daily_error_rate", row).lake, DAY)
    assert ([one.late for one in found.subjects], found.quality[-1].late) == ([None], None)
    html = page(found)
    assert "no batch ran on these days" in visible(html)
    assert 'aria-label="Late rows by day"' not in html


def test_gates_are_those_of_the_newest_run_that_judged_the_date(full: Written) -> None:
    full.run(2, gates=(GateResult("lines_have_orders", DAY, True, detail="newer"),), dates_built=(DAY,))
    full.run(3, gates=(GateResult("lines_have_orders", back(1), True),))
    stands = build_report(full.lake, DAY).standing
    assert (stands.state, stands.run_id, [one.detail for one in stands.gates]) == ("published", "run-2", ["newer"])


def test_a_judgement_is_found_however_many_runs_came_after_it(full: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.batch.report.dates.RUNS_AT_ONCE", 2)
    for number in range(2, 7):
        full.run(number)
    assert build_report(full.lake, DAY).standing.run_id == "run-1"


def test_a_run_of_an_earlier_lineage_judges_nothing(full: Written) -> None:
    full.run(2, lineage="two")
    assert build_report(full.lake, DAY).standing.gates == ()


def test_newer_data_held_back_is_said_and_the_published_figures_stay(full: Written) -> None:
    failed = GateResult("usual_volume", DAY, False, failing=25, detail="25 orders, usually 60", rows=("order 1",))
    full.run(2, gates=(failed,), dates_held=(DAY,))
    found = build_report(full.lake, DAY)
    assert (found.standing.state, found.figure("orders").value) == ("held_back", 25)
    text = visible(page(found))
    assert "Newer data of this date is held back by usual_volume" in text
    assert "25 orders, usually 60" in text


def test_a_date_that_changed_since_is_said_to_wait(full: Written) -> None:
    full.run(2, dates_pending=(DAY,))
    assert "This date has changed since it was published" in visible(page(build_report(full.lake, DAY)))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {"dates_held": (DAY,), "gates": (GateResult("usual_volume", DAY, False, 3),)},
            "2026-02-11 is held back by usual_volume (3 rows); published are 2026-02-08 to 2026-02-09",
        ),
        (
            {"dates_pending": (DAY,)},
            "2026-02-11 has changed and is not built yet: run tally gold run --date 2026-02-11; "
            "published are 2026-02-08 to 2026-02-09",
        ),
        ({}, "2026-02-11 has no orders; published are 2026-02-08 to 2026-02-09"),
        (
            {"end_date": back(1)},
            "2026-02-11 is not published: run tally gold run --date 2026-02-11; published are 2026-02-08 to 2026-02-09",
        ),
    ],
)
def test_a_date_that_is_not_published_says_why_and_which_are(gold: Written, told: Any, expected: str) -> None:
    gold.sales(2, 3).run(**told)
    with pytest.raises(NotPublishedError) as error:
        build_report(gold.lake, DAY)
    assert str(error.value) == expected


def test_of_many_ranges_the_nearest_published_dates_are_named(gold: Written) -> None:
    gold.sales(*range(-5, 0, 2), *range(1, 12, 2)).run(end_date=back(-5))
    with pytest.raises(
        NotPublishedError, match="9 dates from 2026-01-31 to 2026-02-16, nearest 2026-02-10 and 2026-02-12"
    ):
        build_report(gold.lake, DAY)


def test_gold_that_was_never_run_names_the_command(gold: Written) -> None:
    with pytest.raises(NotPublishedError) as error:
        build_report(gold.lake, DAY)
    assert str(error.value) == "gold has not been run on this lake: run tally gold run --date 2026-02-11"


def test_a_first_run_that_held_everything_back_has_no_published_date(gold: Written) -> None:
    gold.run(dates_held=(DAY,), gates=(GateResult("usual_volume", DAY, False, 3, "too few"),))
    with pytest.raises(NotPublishedError, match=r"held back by usual_volume \(too few\); no date is published yet"):
        build_report(gold.lake, DAY)


def test_json_has_decimals_as_strings_and_the_same_figures(full: Written) -> None:
    plain = json.loads(json.dumps(build_report(full.lake, DAY).to_json()))
    assert list(plain) == [
        "date",
        "standing",
        "figures",
        "totals",
        "days",
        "statuses",
        "refunds",
        "top_products",
        "prices",
        "quality",
        "subjects",
    ]
    assert plain["date"] == "2026-02-11"
    assert plain["figures"]["gmv"] == {
        "value": "1234.50",
        "week_before": "1100.00",
        "week_before_change": "0.1223",
        "day_before": "1000.00",
        "day_before_change": "0.2345",
    }
    assert plain["standing"]["gates"][0]["gate"] == "lines_have_orders"
    assert plain["days"][-1]["date"] == "2026-02-11"


class Tags(HTMLParser):
    """Refuses tags that close out of order, and keeps the text and the attributes."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def visible(html: str) -> str:
    return " ".join("".join(parsed(html).text).split())


def test_the_page_is_well_formed_and_asks_no_host_for_anything(full: Written) -> None:
    html = page(build_report(full.lake, DAY))
    tags = parsed(html)
    assert len(tags.ids) == len(set(tags.ids))
    assert not tags.names & {"script", "img", "iframe", "object"}
    assert re.findall(r"https?:|//[a-z]|@import|url\((?!#hatch\))", html) == []
    assert re.findall(r'(?:src|href)="(?!data:,")', html) == []


def test_every_picture_is_well_formed_and_says_in_words_what_it_shows(full: Written) -> None:
    html = page(build_report(full.lake, DAY))
    drawn = re.findall(r'<svg class="chart".*?</rect>\n</svg>', html, re.DOTALL)
    pictures = [ElementTree.fromstring(text) for text in drawn]
    assert len(pictures) == 5
    for picture in pictures:
        assert picture.get("role") == "img"
        assert picture.get("aria-label")
        about = picture.find("desc")
        assert about is not None
        assert about.get("id") == picture.get("aria-describedby")
        assert about.text
        assert len(picture.findall("rect/title")) == 28


def test_names_from_data_are_shown_as_they_are_and_never_run(full: Written) -> None:
    html = page(build_report(full.lake, DAY))
    assert SCRIPT not in html
    assert SCRIPT in visible(html)
    assert "A & B" in visible(html)


def test_the_page_says_the_figures_the_comparison_and_the_gaps(full: Written) -> None:
    text = visible(page(build_report(full.lake, DAY)))
    assert "Sales of 1,234.50 from 25 orders, 12.2 % more than on the Wednesday before." in text
    assert "▲ 12.2 % on Wed 4 Feb" in text
    assert "Mon 19 Jan (Martin Luther King Jr. Day): 1,000.00 from 20 orders" in text
    assert "1 of 1 gates passed" in text
    assert "new → 8.00" in text


def test_a_page_of_a_date_with_nothing_but_sales_says_so(gold: Written) -> None:
    text = visible(page(build_report(gold.sales(0).lake, DAY)))
    assert "there is no Wednesday before to compare with" in text
    assert "on the one day that is known; 27 days are gaps here, not zeros." in text
    assert "No product changed price in this month." in text
    assert "No run on record has judged this date." in text
    assert "Sun 8 Feb: not published" in text


def command(gold: Written, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setenv("LAKE_ROOT", str(gold.lake.root))
    monkeypatch.chdir(gold.lake.root.parent)
    with pytest.raises(SystemExit) as stopped:
        main(["report", *arguments])
    return int(stopped.value.code or 0)


def test_the_command_writes_the_page_into_the_current_folder_and_says_where(
    full: Written, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert command(full, monkeypatch, "--date", "2026-02-11") == 0
    path = full.lake.root.parent / "report-2026-02-11.html"
    assert path.read_text(encoding="utf-8") == page(build_report(full.lake, DAY))
    assert str(path) in capsys.readouterr().out
    assert [each.name for each in path.parent.iterdir() if each.is_file()] == [path.name]


def test_the_command_prints_json_and_writes_nothing(
    full: Written, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(full, monkeypatch, "--date", "2026-02-11", "--json") == 0
    assert json.loads(capsys.readouterr().out) == build_report(full.lake, DAY).to_json()
    assert not list(full.lake.root.parent.glob("*.html"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--date", "2026-02-10"), 1, "2026-02-10 is not published: run tally gold run --date 2026-02-10"),
        (("--date", "2026-02-31"), 2, "--date '2026-02-31' is no date: write YYYY-MM-DD"),
        (("--date", "yesterday"), 2, "--date 'yesterday' is no date"),
        (("--date", "2026-02-11", "--json", "--out", "x.html"), 2, "leave out --out or --json"),
        (
            ("--date", "2026-02-11", "--out", "no/such/folder.html"),
            2,
            "the page cannot be written to no/such/folder.html",
        ),
    ],
)
def test_what_cannot_be_reported_is_one_sentence_and_its_exit_code(
    gold: Written,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    gold.sales(0)
    assert command(gold, monkeypatch, *arguments) == code
    assert said in capsys.readouterr().err


def test_no_lake_is_a_wrong_setting(
    gold: Written, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gold.lake.root.rmdir()
    assert command(gold, monkeypatch, "--date", "2026-02-11") == 2
    assert "there is no lake at" in capsys.readouterr().err
