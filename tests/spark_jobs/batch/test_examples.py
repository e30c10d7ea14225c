"""Every shipped contract keeps its examples, and one that is not kept is told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schema_registry import examples, registry
from schema_registry.example import Reason
from spark_jobs.batch.examples import SubjectResult, spark_judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from schema_registry.registry import Subject

TESTS = Path(__file__).parents[2]
ROOTS = (registry.CONTRACTS, TESTS / "schema_registry" / "contracts")
SUBJECTS = [(root, subject) for root in ROOTS for subject in registry.load(root).subjects.values()]


@pytest.fixture(scope="module")
def judge(spark: SparkSession) -> Callable[..., Any]:
    return spark_judge(spark)


@pytest.mark.parametrize(("root", "subject"), SUBJECTS, ids=[subject.name for _, subject in SUBJECTS])
def test_a_shipped_contract_keeps_its_examples(judge: Callable[..., Any], root: Path, subject: Subject) -> None:
    found = SubjectResult(subject, judge(subject, examples.load(root / subject.name, subject)))
    assert [one.to_json() for one in found.failed] == []
    assert len(found.judged) > 10


def test_an_example_fails_for_its_verdict_its_reasons_its_words_and_its_values(judge: Callable[..., Any]) -> None:
    subject = registry.load().subject("order_items")
    stored = {one.name: one for one in examples.load(registry.CONTRACTS / "order_items", subject)}
    good = stored["a line of an order is taken as it is"]
    bad = stored["a total below nothing is out of range, whatever the rule says"]
    price, total = bad.reasons
    cases = [
        good,
        replace(good, values={**good.values, "quantity": "3", "line_total": None}),
        replace(good, verdict="dead_letter", reasons=(price,)),
        replace(bad, reasons=(total, price)),
        replace(bad, reasons=(price,)),
        replace(bad, reasons=(price, total, total)),
        replace(bad, reasons=(price, replace(total, detail="'-5.00' is not at least 0"))),
        replace(bad, reasons=(price, replace(total, detail="other words"))),
        replace(bad, verdict="accepted", reasons=()),
    ]
    judged = judge(subject, cases)
    assert [one.passed for one in judged] == [True, False, False, True, False, False, True, False, False]
    assert judged[1].wrong_values == ["quantity", "line_total"]
    assert judged[2].wrong_reasons == [price]
    assert [(reason.code, reason.field) for reason in judged[4].wrong_reasons] == [("out_of_range", "line_total")]
    assert judged[7].wrong_reasons == [
        Reason("out_of_range", "line_total", "other words"),
        Reason("out_of_range", "line_total", "'-5.00' is not at least 0"),
    ]
    assert judged[1].to_json() | {"file": "", "row": {}} == {
        "name": "a line of an order is taken as it is",
        "file": "",
        "row": {},
        "expected": {
            "verdict": "accepted",
            "reasons": [],
            "values": {**good.values, "quantity": "3", "line_total": None},
        },
        "came": {"verdict": "accepted", "reasons": [], "values": good.values},
    }
