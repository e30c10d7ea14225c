from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from spark_jobs.render.values import cell_text, exact_text, moment_text, quantity, to_json_value

NOON = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (quantity(1, "file"), "1 file"),
        (quantity(0, "file"), "0 files"),
        (quantity(2_000, "row"), "2,000 rows"),
        (quantity(1, "file waits", "files wait"), "1 file waits"),
        (quantity(2, "file waits", "files wait"), "2 files wait"),
    ],
)
def test_a_count_agrees_with_its_noun(text: str, expected: str) -> None:
    assert text == expected


def test_exact_text_rounds_and_groups_nothing() -> None:
    values = (None, True, 12_345, Decimal("1.50"), date(2026, 3, 1), NOON)
    assert [exact_text(value) for value in values] == [
        "–", "true", "12345", "1.50", "2026-03-01", "2026-03-01 11:00:00.000005 UTC",
    ]  # fmt: skip


def test_cells_group_thousands_and_show_seconds() -> None:
    values = (None, False, 12_345, 1.25, NOON.astimezone(UTC))
    assert [cell_text(value) for value in values] == ["–", "no", "12,345", "1.2", "2026-03-01 11:00:00"]
    assert moment_text(None) == "–"


def test_json_has_dates_times_and_decimals_as_text_and_refuses_what_it_does_not_know() -> None:
    assert [to_json_value(value) for value in (date(2026, 3, 1), Decimal("1.50"))] == ["2026-03-01", "1.50"]
    with pytest.raises(TypeError, match="set has no JSON form"):
        to_json_value({1})
