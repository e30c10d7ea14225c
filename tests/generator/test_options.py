"""Options are checked once, and an error names the option. Covers options.py and events/options.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from generator.events.options import EventOptions
from generator.options import OptionsError, parse_start


def options(**given: Any) -> Any:
    return EventOptions(out=Path("in"), manifest=Path("m.jsonl"), **given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rows_per_file": 0}, "rows_per_file must be at least 1, not 0"),
        ({"files": 0}, "files must be at least 1, not 0"),
        ({"every_seconds": -1}, "every_seconds must be 0 or more, not -1"),
        ({"seed": -1}, "seed must be 0 or more, not -1"),
        ({"fault_rate": 1.5}, "rates must lie between 0 and 1"),
        ({"fault_rate": 0.7}, "rates must leave room for ordinary rows"),
        ({"late_rate": -0.1}, "rates must lie between 0 and 1"),
        ({"start": datetime(2026, 1, 1)}, "start must carry a time zone"),  # noqa: DTZ001
        ({"start": datetime(1999, 1, 1, tzinfo=UTC)}, "start must be 2000-02-01"),
        ({"events_per_second": 0}, "events_per_second must be above 0, not 0"),
        ({"subject": "nothing"}, "subject must be one of"),
        ({"versions": ()}, "versions must name at least one version"),
        ({"versions": (4,)}, "versions must be among"),
    ],
)
def test_a_value_that_cannot_be_honoured_is_refused_by_name(given: Any, sentence: str) -> None:
    with pytest.raises(OptionsError, match=sentence.replace("(", r"\(")):
        options(**given)


def test_side_rates_are_one_per_cent_and_nothing_without_faults() -> None:
    assert (options().duplicates, options().lates) == (0.01, 0.01)
    assert (options(fault_rate=0).duplicates, options(fault_rate=0).lates) == (0, 0)
    assert options(fault_rate=0, duplicate_rate=0.05).duplicates == 0.05


def test_a_start_is_a_time_or_now() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert parse_start("2026-01-05") == datetime(2026, 1, 5, tzinfo=UTC)
    assert parse_start("2026-01-05T10:00:00+01:00") == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert parse_start("now", now=now) == now - timedelta(minutes=10)
    with pytest.raises(OptionsError, match="start must be 'now' or a time"):
        parse_start("soon")


def test_the_fingerprint_is_of_the_rows_not_of_paths_and_pace() -> None:
    assert options().fingerprint() == options(every_seconds=0, files=3, gzip=True).fingerprint()
    assert options().fingerprint() == options(duplicate_rate=0.01).fingerprint()
    assert options().fingerprint() != options(seed=43).fingerprint()
