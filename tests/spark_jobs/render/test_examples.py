"""A row that fails is shown beside its contract: received, what the contract asks, expected, came."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schema_registry import examples as stored
from schema_registry import registry
from schema_registry.example import Reason
from spark_jobs.batch.examples import Judged, SubjectResult
from spark_jobs.render.examples import lines, show_examples, title

CUSTOMERS = registry.load().subject("customers")
EXAMPLES = {one.name: one for one in stored.load(registry.CONTRACTS / "customers", CUSTOMERS)}
OLD = EXAMPLES["a customer of version 1 gets a phone, and a segment that nobody knows"]
SHORT = EXAMPLES["an operation that there is not is not allowed"]
COLUMNS = dict.fromkeys((*CUSTOMERS.latest.columns, "schema_version"))


@pytest.fixture
def failed() -> Any:
    """A row of version 1 that was to be accepted with another segment, and was refused."""
    example = replace(OLD, version=1, values={"segment": "new", "created_at": None, "schema_version": "1"})
    came = (Reason("too_long", "phone", "41 characters, at most 40 allowed"),)
    return Judged(
        example, "dead_letter", came, {**COLUMNS, "segment": "unknown", "phone": "0" * 41, "schema_version": "1"}
    )


def test_each_field_is_shown_as_received_asked_for_expected_and_come(failed: Any) -> None:
    assert title(failed) == f"customers.yaml: {OLD.name}, as version 1: expected accepted, came dead_letter"
    shown = {line[1]: line for line in lines(CUSTOMERS, failed)}
    assert list(shown) == [*CUSTOMERS.latest.columns, "telephone", "schema_version"]
    assert shown["customer_id"] == ["", "customer_id", "'2147483647'", "bigint; required; ≥ 1", "", "null"]
    words = "string; one of new, returning, premium, inactive, at-risk, unknown"
    assert shown["segment"] == ["✗", "segment", "", words, "'new'", "'unknown'"]
    assert shown["created_at"] == ["", "created_at", "", "timestamp", "null", "null"]
    assert shown["telephone"] == ["", "telephone", "'1'", "in v1", "", ""]
    assert shown["phone"] == [
        "✗", "phone", "", "string; at most 40 characters", "",
        f"'{'0' * 41}'; too_long: 41 characters, at most 40 allowed",
    ]  # fmt: skip


def test_a_reason_that_did_not_come_is_shown_where_it_was_expected() -> None:
    items = registry.load().subject("order_items")
    found = {one.name: one for one in stored.load(registry.CONTRACTS / "order_items", items)}
    example = found["the rule holds for updates too"]
    columns = dict.fromkeys((*items.latest.columns, "schema_version"))
    row = {**example.row, "colour": "red"}
    shown = {line[1]: line for line in lines(items, Judged(replace(example, row=row), "accepted", (), columns))}
    rule = "line_total_is_quantity_times_unit_price"
    assert shown[rule] == ["✗", rule, "", "line_total = quantity * unit_price", "rule", ""]
    assert shown["colour"] == ["", "colour", "'red'", "in no version", "", ""]


def test_subjects_are_told_of_in_a_line_and_failing_rows_in_a_table(
    failed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    passed = Judged(SHORT, SHORT.verdict, SHORT.reasons, COLUMNS)
    orders = registry.load().subject("orders")
    show_examples([SubjectResult(CUSTOMERS, [passed, failed]), SubjectResult(orders, [])])
    lines_shown = capsys.readouterr().out.splitlines()
    assert lines_shown[0] == "customers: 1 of 2 examples pass"
    assert lines_shown[1].startswith("customers.yaml: a customer of version 1 gets a phone")
    assert sum(line.startswith("✗") for line in lines_shown) == 2
    assert lines_shown[-1] == "orders: no examples"
