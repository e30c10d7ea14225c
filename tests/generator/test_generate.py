"""``generator/generate.py``, which ``tally generate`` runs: events and the shop side by side, each with its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from generator.generate import GenerateOptions
from generator.generate import generate as generate_subjects
from generator.options import OptionsError

if TYPE_CHECKING:
    from pathlib import Path


def generate(folder: Path, *subjects: str, **wanted: Any) -> Any:
    sizes = {"customers": 30, "products": 20, "orders": 100}
    given = {**sizes, "out": folder / "input", "every_seconds": 0.0, "files": 2, **wanted}
    generate_subjects(GenerateOptions(subjects=subjects, **given))
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.is_file())


def test_events_and_changes_are_generated_side_by_side_with_a_manifest_each(tmp_path: Path) -> None:
    assert generate(tmp_path, "customers", "ecommerce_events", "payments") == [
        "input/customers/customers_000000.csv",
        "input/customers/customers_000000_v1.csv",
        "input/customers/customers_000001.csv",
        "input/ecommerce_events/events_000001.csv",
        "input/ecommerce_events/events_000002.csv",
        "input/payments/payments_000000.csv",
        "input/payments/payments_000001.csv",
        "manifests/customers.jsonl",
        "manifests/customers.truth.jsonl",
        "manifests/ecommerce_events.jsonl",
        "manifests/payments.jsonl",
        "manifests/payments.truth.jsonl",
    ]


def test_the_manifest_is_a_folder_for_several_subjects_and_a_file_for_one(tmp_path: Path) -> None:
    several = generate(tmp_path / "several", "customers", "orders", manifest=tmp_path / "several" / "elsewhere")
    assert [name for name in several if not name.startswith("input")] == [
        "elsewhere/customers.jsonl", "elsewhere/customers.truth.jsonl", "elsewhere/orders.jsonl", "elsewhere/orders.truth.jsonl",
    ]  # fmt: skip
    one = generate(tmp_path / "one", "orders", manifest=tmp_path / "one" / "elsewhere.jsonl")
    assert [name for name in one if not name.startswith("input")] == ["elsewhere.jsonl", "elsewhere.truth.jsonl"]


def test_a_subject_named_twice_is_generated_once(tmp_path: Path) -> None:
    twice = generate(tmp_path, "orders", "orders")
    assert [name for name in twice if "manifests" in name] == ["manifests/orders.jsonl", "manifests/orders.truth.jsonl"]


def test_from_now_on_the_days_are_as_long_as_the_pace(tmp_path: Path) -> None:
    names = generate(tmp_path, "orders", "ecommerce_events", start="now", every_seconds=1.0, files=2)
    assert "input/orders/orders_000001.csv" in names


def test_an_unknown_subject_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"subject must be one of ecommerce_events, customers, .*, not invoices"):
        generate(tmp_path, "orders", "invoices")
    assert not [*tmp_path.iterdir()]


def test_what_one_run_refuses_stops_the_others(tmp_path: Path) -> None:
    generate(tmp_path, "orders")
    with pytest.raises(OptionsError, match="holds files of a shop with other options"):
        generate(tmp_path, "ecommerce_events", "orders", seed=9, files=None, every_seconds=60.0)
