"""tally registry test: examples judged, and what its exit code says.

Covers: spark_jobs.render.contracts.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from schema_registry.registry import CONTRACTS
from spark_jobs.batch import examples
from spark_jobs.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of two subjects, orders without examples."""
    for name in ("order_items", "orders"):
        shutil.copytree(CONTRACTS / name, tmp_path / name)
    shutil.rmtree(tmp_path / "orders" / "examples")
    monkeypatch.setenv("CONTRACTS_ROOT", str(tmp_path))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> Any:
    """The exit code, what was printed, and what went to where errors go."""
    with pytest.raises(SystemExit) as end:
        main(["registry", "test", *arguments])
    printed = capsys.readouterr()
    return end.value.code, printed.out, printed.err


def amend(contracts: Path, before: str, after: str) -> None:
    file = contracts / "order_items" / "examples" / "order_items.yaml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_a_subject_without_examples_is_said_and_starts_no_spark(
    contracts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examples, "spark_session", None)
    assert run(capsys, "orders") == (0, "orders: no examples\n", "")
    code, printed, _ = run(capsys, "orders", "--json")
    assert (code, json.loads(printed)) == (0, [{"subject": "orders", "examples": 0, "passed": 0, "failed": []}])


def test_a_subject_that_there_is_not_is_wrong_usage(
    contracts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examples, "spark_session", None)
    code, _, complaint = run(capsys, "order")
    assert code == 2
    assert "unknown subject 'order': did you mean orders" in complaint


def test_an_example_that_cannot_be_read_is_wrong_usage_before_spark_is_started(
    contracts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examples, "spark_session", None)
    amend(contracts, 'quantity: "2"\n', "quantity: 2\n")
    code, _, complaint = run(capsys)
    assert code == 2
    assert "order_items.yaml: case 'a line of an order is taken as it is': row 'quantity' must be text" in complaint


def test_examples_pass_or_fail_in_json_and_in_words(
    spark: SparkSession, contracts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examples, "spark_session", lambda *_: spark)
    code, printed, _ = run(capsys)
    assert (code, printed) == (0, "order_items: 13 of 13 examples pass\norders: no examples\n")
    amend(contracts, 'line_total: "5.00"}', 'line_total: "5.01"}')
    code, printed, _ = run(capsys, "order_items", "--json")
    [result] = json.loads(printed)
    assert (code, result["examples"], result["passed"]) == (1, 13, 12)
    [failed] = result["failed"]
    assert failed["name"] == "a line of an order is taken as it is"
    assert (failed["expected"]["values"]["line_total"], failed["came"]["values"]["line_total"]) == ("5.01", "5.00")
    code, printed, _ = run(capsys, "order_items")
    assert code == 1
    assert printed.startswith("order_items: 12 of 13 examples pass\n")
    assert "accepted as expected, but not all of it" in printed
