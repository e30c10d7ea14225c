"""tally scenarios: all three stories through the real route, and the figures that they come to.

Covers: spark_jobs.cli.scenarios, spark_jobs.demo.scenarios.*, spark_jobs.demo.history.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spark_jobs.cli.app import main
from spark_jobs.demo.scenarios.price_rises import average_price

if TYPE_CHECKING:
    from pathlib import Path


DAY = timedelta(days=1)
START = datetime(2025, 7, 1, tzinfo=UTC)


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def price(text: str, since: int, until: int) -> dict[str, Any]:
    """A price that held from one day after the start to another."""
    return {"price": Decimal(text), "valid_from": START + since * DAY, "valid_to": START + until * DAY}


@pytest.mark.journey
@pytest.mark.usefixtures("spark")
def test_three_stories_come_to_the_figures_that_they_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("scenarios", "--out", str(tmp_path)) == 0
    told = re.sub(r"\s+", " ", capsys.readouterr().out)
    for line in (
        "Oslo Storgata 1 2025-01-10 00:00:00 2025-06-01 00:00:00 Bergen Strandgaten 5 2025-06-01 00:00:00 now",
        "101 2025-03-03 12:00:00 Oslo Bergen 102 2025-09-01 12:00:00 Bergen Bergen",
        "When order 101 was placed, at 2025-03-03 12:00:00, Ada Berg lived at Storgata 1, Oslo",
        "10.00 2025-01-01 00:00:00 2025-07-16 00:00:00 12.00 2025-07-16 00:00:00 now",
        # 15 of 92 days at 10.00, 77 at 12.00; 8 pieces at 10.00 and 4 at 12.00
        "April to June 10.00 5 50.00 10.00 July to September 11.67 12 128.00 10.67",
        "before the order 1 4 48.00 48.00 it is in Silver, gold not run 1 4 48.00 48.00 after the run 2 10 145.50 72.75",
        "1 × 12.00 + 2 × 36.00 + 3 × 4.50 = 97.50. Revenue today was 48.00 before and is 145.50 after the run: 97.50 more.",
        f"LAKE_ROOT={tmp_path}/customer-moves/lake",
    ):
        assert line in told


def test_a_scenario_that_there_is_not_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("scenarios", "price-falls", "--out", str(tmp_path)) == 2
    assert "no scenario 'price-falls': they are customer-moves, price-rises, order-placed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("prices", "average"),
    [
        ([price("10.00", -90, 15), price("12.00", 15, 5_000)], "11.67"),
        ([price("10.00", -90, 0), price("12.00", 0, 92), price("99.00", 92, 93)], "12.00"),
        ([price("10.00", 0, 10), price("0.01", 90, 92)], "8.34"),
        ([price("0.01", 0, 1), price("0.02", 1, 2)], "0.02"),
        ([price("10.00", -9, 0)], None),
        ([], None),
    ],
)  # fmt: skip
def test_a_price_weighs_by_the_time_it_held_within_the_quarter(
    prices: list[dict[str, Any]], average: str | None
) -> None:
    found = average_price(prices, START, START + 92 * DAY)
    assert found == (None if average is None else Decimal(average))
