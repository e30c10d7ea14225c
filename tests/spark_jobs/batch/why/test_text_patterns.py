"""A value is found however a file spells it, and no other value with it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from spark_jobs.batch.why.text_patterns import text_pattern

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLE: list[tuple[Any, list[str], list[str]]] = [
    (7, ["7", "007", "+7", " 7\t", "+007"], ["70", "-7", "17", "7.0", "7.", "7 7", "", "x7", "٧"]),
    (-20, ["-20", "-0020"], ["20", "-2", "-200", "+20"]),
    (0, ["0", "-0", "+00"], ["", "-", "01", "00100", "0.0"]),
    (Decimal("1.50"), ["1.5", "01.50", "+1.500 "], ["15", "1.05", "1.55", "-1.5", "1,5", "150"]),
    (Decimal("-0.25"), ["-.25", "-0.25", "-00.250"], ["0.25", "-.025", "-25"]),
    (Decimal("10.00"), ["10", "10.", "10.0", "010.00"], ["1", "10.01", "100", "1.0"]),
    (Decimal("0.00"), ["0", ".0", "-0.00", "0."], [".", "", "0.01", "10"]),
    (True, ["true", "TRUE", "True"], ["1", "yes", " true", "false"]),
    (date(2026, 3, 1), ["2026-03-01"], ["2026-3-1", "2026-03-01 ", "2026-03-010"]),
    ("a.b|c", ["a.b|c"], ["axb|c", "a.b|c ", "A.b|c"]),
    (
        NOON,
        ["2026-03-01T12:00:00Z", "2026-03-01 12:00", "2026-03-01T13:00+01:00", "2026-03-01T06:30:00.000-0530",
         "2026-03-02T02:00:00.000000123+14:00", "2026-03-01T12:00:00-00:00"],
        ["2026-03-01T12:00:01Z", "2026-03-01T12:00:00.000001Z", "2026-03-01T12:00+01:00", "2026-03-01", "2026-03-01T12:00 Z"],
    ),
    (
        NOON.replace(second=5, microsecond=120_000),
        ["2026-03-01T12:00:05.12Z", "2026-03-01 12:00:05.120000999", "2026-03-01T14:00:05.1200+0200"],
        ["2026-03-01T12:00:05Z", "2026-03-01T12:00:05.1Z", "2026-03-01T12:00:05.1209Z", "2026-03-01T12:00"],
    ),
    (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), ["9999-12-31T23:59Z", "9999-12-31T22:59-01:00"], ["9999-12-31T23:59+01:00"]),
    (datetime(1, 1, 1, tzinfo=UTC), ["0001-01-01T00:00Z", "0001-01-01T01:00+01:00"], ["0001-01-01T01:00Z"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "right", "wrong"), TABLE, ids=[str(value) for value, *_ in TABLE])
def test_a_value_is_found_in_every_spelling_and_no_other_with_it(
    value: Any, right: list[str], wrong: list[str]
) -> None:
    texts = pa.array([*right, *wrong])
    found = texts.filter(pc.match_substring_regex(texts, text_pattern(value))).to_pylist()
    assert found == right
