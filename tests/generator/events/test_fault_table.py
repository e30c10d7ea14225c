"""The table of faults of events is complete, unambiguous, and agrees with the published contracts.

Covers events/fault_table.py, events/bad_rows.py, events/odd_rows.py and faults.py.

Covers: generator.events.bad_rows, generator.events.odd_rows, generator.events.paths, generator.faults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.catalogue import SEGMENTS
from generator.events.bad_rows import BAD_ROWS
from generator.events.fault_table import DROPPED_COLUMN, FAULTS
from generator.events.odd_rows import COPIES, LATE_ROWS, ODD_ROWS
from generator.events.paths import EVENT_TYPES
from generator.events.shop import DEVICES
from generator.events.traffic import FIELDS
from generator.faults import Kind, Outcome

CODES = {
    "unreadable", "encoding", "column_count", "duplicate_header", "unknown_version", "missing", "bad_type",
    "out_of_range", "not_allowed", "bad_pattern", "too_long", "future", "too_old", "rule",
}  # fmt: skip
CONTRACTS = Path(__file__).parents[3] / "schema_registry" / "contracts" / "ecommerce_events"


@pytest.fixture(params=[1, 2, 3])
def contract(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CONTRACTS / f"v{request.param}.yaml").read_text("utf-8"))
    return found


def test_no_name_is_given_twice() -> None:
    names = [fault.name for fault in (*BAD_ROWS, *ODD_ROWS, *LATE_ROWS, *COPIES)]
    assert len(names) == len(set(names))


def test_dead_letters_have_reasons_and_no_others_have() -> None:
    for fault in FAULTS.values():
        assert bool(fault.reasons) == (fault.outcome is Outcome.DEAD_LETTER), fault.name
        assert fault.doc


def test_every_code_of_the_design_is_planted_and_no_other() -> None:
    assert {code for fault in FAULTS.values() for code, _ in fault.reasons} == CODES


def test_every_rule_of_the_contract_is_broken_by_a_fault(contract: dict[str, Any]) -> None:
    broken = {name for fault in FAULTS.values() for code, name in fault.reasons if code == "rule"}
    assert {rule["name"] for rule in contract["rules"]} <= broken


def test_every_constraint_of_the_contract_is_broken_by_a_fault(contract: dict[str, Any]) -> None:
    codes = {
        "required": "missing", "required_when": "missing", "min": "out_of_range", "max": "out_of_range",
        "enum": "not_allowed", "pattern": "bad_pattern", "max_length": "too_long", "not_before": "too_old",
        "not_future": "future", "non_blank": "missing",
    }  # fmt: skip
    version = contract["version"]
    planted = {reason for fault in BAD_ROWS if version in fault.versions for reason in fault.reasons}
    for name, field in contract["fields"].items():
        wanted = {codes[key] for key in field if key in codes} | ({"bad_type"} if field["type"] != "string" else set())
        assert {(code, name) for code in wanted} <= planted


def test_the_generator_writes_the_fields_of_the_contract(contract: dict[str, Any]) -> None:
    assert set(FIELDS[contract["version"]]) == set(contract["fields"])
    assert set(contract["fields"]["event_type"]["enum"]) == set(EVENT_TYPES)
    if contract["version"] > 1:
        assert set(contract["fields"]["user_segment"]["enum"]) == set(SEGMENTS)
        assert contract["fields"][DROPPED_COLUMN]["required"]
    if contract["version"] > 2:
        assert set(contract["fields"]["device_type"]["enum"]) == set(DEVICES)


def test_a_fault_leaves_the_given_row_as_it_is() -> None:
    fault = FAULTS["version_99"]
    assert fault.kind is Kind.ROW
    assert not fault.fits_version(3, names_version=False)
    assert fault.fits_version(2, names_version=True)
