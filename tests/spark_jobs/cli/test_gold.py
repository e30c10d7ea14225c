"""tally gold: what it refuses before Spark has started, and how it shows what a run did.

Covers: spark_jobs.cli.options, spark_jobs.render.gold, spark_jobs.render.progress.
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schema_registry.registry import CONTRACTS
from spark_jobs.batch.gold.gates import GATES
from spark_jobs.batch.gold.record import GateResult, RunRecord
from spark_jobs.cli.app import main
from spark_jobs.cli.options import parse_date
from spark_jobs.errors import UsageError
from spark_jobs.render.gold import show_gold_run

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 3, 1)
RUN = ("gold", "run", "--date", "2026-03-01")
BACKFILL = ("gold", "backfill", "--start", "2026-03-01", "--end", "2026-03-02")


@pytest.fixture(autouse=True)
def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lake that is there, in a folder without a .env, and a Spark that must not be started."""
    (tmp_path / "lake").mkdir()
    places = {"LAKE_ROOT": tmp_path / "lake", "LOG_ROOT": tmp_path / "logs", "CONTRACTS_ROOT": CONTRACTS}
    for name, place in places.items():
        monkeypatch.setenv(name, str(place))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("spark_jobs.session.spark_session", never)


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("Spark was started")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence by which a command is refused with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    return output.err.removeprefix("error: ").strip()


def contracts_without(root: Path, *subjects: str) -> str:
    """A folder with the contracts that come along, but for these subjects."""
    shutil.copytree(CONTRACTS, root / "contracts", ignore=shutil.ignore_patterns(*subjects))
    return str(root / "contracts")


def test_a_date_is_read_as_it_is_written() -> None:
    assert parse_date("2026-03-01", "--date") == DAY


@pytest.mark.parametrize(
    "text", ["2026-02-30", "yesterday", "", "01.03.2026", "2026-03-01T12:00", "20260301", "2026-W09-7"]
)
def test_what_is_no_date_is_told_with_the_option_and_the_form(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--end '.*' is no date: write YYYY-MM-DD, such as 2026-03-31$") as error:
        parse_date(text, "--end")
    assert f"'{text}'" in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("gold", "run", "--date", "March"), "--date"),
        (("gold", "backfill", "--start", "March", "--end", "2026-03-01"), "--start"),
        (("gold", "backfill", "--start", "2026-03-01", "--end", "March"), "--end"),
    ],
)
def test_each_option_that_is_a_date_is_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], option: str
) -> None:
    assert refused(capsys, *arguments) == f"{option} 'March' is no date: write YYYY-MM-DD, such as 2026-03-31"


def test_an_end_before_the_start_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, "gold", "backfill", "--start", "2026-03-02", "--end", "2026-03-01")
    assert message == "--end 2026-03-01 lies before --start 2026-03-02: name the earlier date first"


@pytest.mark.parametrize("command", [RUN, BACKFILL])
def test_a_gate_that_there_is_not_is_refused_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    message = refused(capsys, *command, "--accept", "row_counts", "--accept", "moon")
    assert message == f"there is no gate 'moon': the gates are {', '.join(GATES)}"


def test_where_there_is_no_lake_the_way_to_one_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "lake").rmdir()
    assert refused(capsys, *RUN) == f"there is no lake at {tmp_path / 'lake'}: run tally stream, or set LAKE_ROOT"
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("command", [RUN, BACKFILL])
def test_contracts_without_the_star_are_refused_with_what_it_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CONTRACTS_ROOT", contracts_without(tmp_path, "payments"))
    message = refused(capsys, *command)
    assert message.startswith(
        "gold needs a subject 'payments' of kind changes, and the contracts have none: add contracts for "
    )
    assert "orders, order_items, payments, customers, products to CONTRACTS_ROOT" in message


def shown(capsys: pytest.CaptureFixture[str], **fields: Any) -> str:
    """What is shown of a run, its spaces folded."""
    said = {"run_id": "r", "lineage": "l", "run_number": 1, "command": "run", "run_date": DAY, "start_date": None}
    began = datetime(2026, 3, 2, tzinfo=UTC)
    show_gold_run(RunRecord(**{**said, "end_date": DAY, "started_at": began, "runtime_seconds": 12.34, **fields}))
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_a_run_that_found_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, output_row_counts={"silver/orders": 9, "gold/daily_gmv": 1234})
    assert text.startswith("Nothing that gold shows up to 2026-03-01 has changed in 12.3 s")
    assert "table rows written rows now gold/daily_gmv 0 1,234" in text
    for absent in ("Quality gates", "silver/orders", "wait", "held", "not asked for"):
        assert absent not in text


def test_a_run_shows_what_was_published_held_accepted_and_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    held, accepted = DAY + timedelta(1), DAY + timedelta(2)
    gates = (
        GateResult("row_counts", DAY, True),
        GateResult("row_counts", held, True),
        GateResult("order_totals", DAY, True),
        GateResult("order_totals", held, False, 1, "1 order [whose lines] differ", ("order 7: lines sum to 5.00",)),
        GateResult("order_totals", accepted, False, 2, "2 orders", ("order 8: too much",), accepted=True),
    )
    text = shown(
        capsys,
        processed_events_count=1500,
        gates=gates,
        dates_built=(DAY, accepted),
        dates_held=(held, *(date(2026, 1, day) for day in range(1, 8))),
        dates_pending=(date(2026, 4, 1),),
        waiting_lines=2,
        waiting_payments=1000,
        rows_written={"gold/fact_orders": 12},
        output_row_counts={"gold/fact_orders": 24},
    )
    for line in (
        "Built 3 dates from 1,500 rows of Silver: 2 published, 1 held back in 12.3 s",
        "gate dates passed failed accepted row_counts 2 2 0 0 order_totals 3 1 1 1",
        "gold/fact_orders 12 24",
        "2026-03-02 is held back by order_totals: 1 order [whose lines] differ order 7: lines sum to 5.00",
        "Mend the source and run again, or publish in spite of a gate with --accept GATE.",
        "still held back since earlier runs: 2026-01-01, 2026-01-02, 2026-01-03, 2026-01-04, 2026-01-05 and 2 more",
        "changed, but not asked for: 2026-04-01 (tally gold run with a later --date, or backfill)",
        "waiting for their order: 2 order lines and 1,000 payments (gold/waiting_facts)",
    ):
        assert line in text
    assert "order 8" not in text


def test_of_many_verdicts_the_first_are_shown_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    days = [DAY + timedelta(number) for number in range(15)]
    gates = tuple(GateResult("order_totals", day, False, 1, "1 order") for day in days)
    text = shown(capsys, gates=gates, dates_held=tuple(days))
    assert text.count("is held back by order_totals") == 12
    assert "… and 3 more verdicts, all in the record" in text
    assert "still held back" not in text
