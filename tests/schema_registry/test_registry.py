"""schema_registry.registry, subject, contract and describe: loading a folder of contracts.

Covers: schema_registry.contract, schema_registry.describe, schema_registry.parsing, schema_registry.subject,
schema_registry.yaml_values, schema_registry.errors.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schema_registry import describe
from schema_registry.contract import Derived, Field, FieldType, Rule
from schema_registry.errors import ContractError, UnknownSubjectError, UnknownVersionError
from schema_registry.registry import CONTRACTS, load

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parent / "contracts"


def test_a_contract_becomes_objects(root: Path, write: Callable[..., Path]) -> None:
    write(
        1,
        {
            "doc": "What is on a shelf.",
            "fields.label": {"type": "string", "required_when": "boxes > 0", "non_blank": True, "max_length": 9},
            "fields.seen_at.not_before": "2000-01-01T01:00:00+01:00",
            "fields.seen_at.not_future": True,
        },
    )
    contract = load(root).subject("shelves").latest
    assert contract.field("boxes") == Field("boxes", FieldType("int"), min=Decimal(0))
    assert contract.field("weight").type == FieldType("decimal", 10, 2)
    assert contract.field("colour").enum == ("red", "blue")
    assert contract.field("label") == Field(
        "label", FieldType("string"), required_when="boxes > 0", non_blank=True, max_length=9
    )
    assert contract.field("seen_at").not_before == datetime(2000, 1, 1, tzinfo=UTC)
    assert contract.field("seen_at").not_future
    assert contract.rules == (Rule("boxes_weigh_something", "boxes = 0 OR weight > 0"),)
    assert contract.derive == (Derived("heavy", FieldType("boolean"), "weight > 100"),)
    assert contract.field_names == ("shelf_id", "seen_at", "boxes", "weight", "colour", "label")
    assert contract.required_names == ("shelf_id", "seen_at")
    assert (contract.kind, contract.compatibility, contract.doc) == ("events", "backward", "What is on a shelf.")
    with pytest.raises(KeyError):
        contract.field("size")


def test_bounds_keep_every_digit(root: Path, write: Callable[..., Path]) -> None:
    file = write(1, {"fields.weight.max": 0})
    file.write_text(file.read_text(encoding="utf-8").replace("max: 0", "max: 12345678.10"), encoding="utf-8")
    assert str(load(root).subject("shelves").latest.field("weight").max) == "12345678.10"


@pytest.mark.parametrize("text", ["string", "int", "bigint", "decimal(18,2)", "boolean", "date", "timestamp"])
def test_a_type_gives_its_sql(text: str) -> None:
    assert FieldType.parse(text).sql == text


def test_a_contract_of_changes_loads_with_its_change_columns(
    root: Path, write: Callable[..., Path], items: dict[str, Any]
) -> None:
    write(1, base=items)
    subject = load(root).subject("shelves")
    assert (subject.kind, subject.latest.sequence_by, subject.latest.event_time) == ("changes", "seq", "event_ts")
    assert (subject.latest.key, subject.latest.tracked, subject.latest.partial_updates) == (
        ("shelf_id",),
        ("label",),
        True,
    )
    assert subject.known_fields == ("change_id", "op", "event_ts", "seq", "shelf_id", "label", "schema_version")


def test_events_may_have_fields_named_like_change_columns(root: Path, write: Callable[..., Path]) -> None:
    write(1, {"fields.op": {"type": "string"}})
    assert "op" in load(root).subject("shelves").known_fields


def test_known_fields_are_those_of_all_versions_first_seen_first(
    root: Path, write: Callable[..., Path], remove: object
) -> None:
    write(1)
    write(2, {"fields.label": remove, "fields.size": {"type": "int"}})
    assert load(root).subject("shelves").known_fields == (
        "shelf_id",
        "seen_at",
        "boxes",
        "weight",
        "colour",
        "label",
        "size",
        "schema_version",
    )


def test_versions_are_in_order_even_beyond_nine(root: Path, write: Callable[..., Path]) -> None:
    for version in range(1, 12):
        write(version)
    subject = load(root).subject("shelves")
    assert [contract.version for contract in subject.contracts] == list(range(1, 12))
    assert subject.contract(10).version == 10


def test_a_version_gap_is_refused(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    write(3)
    with pytest.raises(ContractError, match=r"v2.yaml: v2 is missing before v3: versions must count up from 1"):
        load(root)


def test_a_kind_that_changes_is_refused(root: Path, write: Callable[..., Path], items: dict[str, Any]) -> None:
    write(1)
    write(2, base=items)
    with pytest.raises(ContractError, match=r"v2.yaml: kind must stay events as in v1: start a new subject instead"):
        load(root)


@pytest.mark.parametrize("name", ["v2.yml", "v02.yaml", "V2.yaml", "version2.yaml", "v0.yaml"])
def test_a_file_that_looks_like_a_version_is_not_ignored(root: Path, write: Callable[..., Path], name: str) -> None:
    write(1)
    (root / "shelves" / name).write_text("subject: shelves")
    with pytest.raises(ContractError, match=f"{name}: expected only v1.yaml, v2.yaml"):
        load(root)


def test_hidden_files_leftovers_and_read_me_are_left_alone(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    for name in [".v2.yaml.swp", "v1.yaml~", "README.md", "_notes"]:
        (root / "shelves" / name).write_text("x")
        (root / name).write_text("x")
    assert list(load(root).subjects) == ["shelves"]


def test_a_contract_outside_a_subject_is_refused(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    (root / "boxes.yaml").write_text("subject: boxes")
    with pytest.raises(ContractError, match=r"boxes.yaml: expected a folder per subject here: move the file"):
        load(root)


def test_a_folder_without_versions_is_refused(root: Path) -> None:
    with pytest.raises(ContractError, match=r"shelves: the folder is empty: expected v1.yaml"):
        load(root)


def test_a_registry_without_subjects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="the folder is empty: expected a folder per subject"):
        load(tmp_path)
    with pytest.raises(ContractError, match="there is no such folder"):
        load(tmp_path / "nowhere")


def test_a_subject_whose_name_is_no_table_name_is_refused(root: Path) -> None:
    (root / "shelves").rename(root / "My-Shelves")
    with pytest.raises(ContractError, match="My-Shelves: names must be lower case letters"):
        load(root)


def test_a_subject_named_like_a_change_log_is_refused(
    root: Path, write: Callable[..., Path], items: dict[str, Any], tmp_path: Path
) -> None:
    file = write(1, base=items)
    other = tmp_path / "shelves_changes"
    other.mkdir()
    text = file.read_text(encoding="utf-8").replace("subject: shelves", "subject: shelves_changes")
    (other / "v1.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match="shelves_changes: the name is taken by the change log of 'shelves'"):
        load(root)


def test_a_folder_in_place_of_a_file_is_refused(root: Path) -> None:
    (root / "shelves" / "v1.yaml").mkdir()
    with pytest.raises(ContractError, match=r"v1.yaml: cannot be read"):
        load(root)


def test_an_unknown_subject_gets_the_closest_names(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    with pytest.raises(UnknownSubjectError, match=r"unknown subject 'shelfs': did you mean shelves\?") as refused:
        load(root).subject("shelfs")
    assert (refused.value.subject, isinstance(refused.value, ContractError)) == ("shelfs", True)
    with pytest.raises(UnknownSubjectError, match="unknown subject 'zzz': expected one of shelves"):
        load(root).subject("zzz")


@pytest.mark.parametrize("version", [0, 2, -1])
def test_an_unknown_version_is_refused(root: Path, write: Callable[..., Path], version: int) -> None:
    write(1)
    subject = load(root).subject("shelves")
    for ask in (subject.contract, subject.fingerprint_at):
        with pytest.raises(UnknownVersionError, match=f"subject 'shelves' has no v{version}, only v1"):
            ask(version)


def test_a_described_contract_is_plain_json_with_every_figure_as_text(root: Path, write: Callable[..., Path]) -> None:
    write(1, {"fields.weight.max": 2.50, "fields.seen_at.not_before": "2000-01-01T00:00:00Z"})
    subject = load(root).subject("shelves")
    said = describe.as_dict(subject)
    assert (said["subject"], said["latest"], said["published"], said["kind"]) == ("shelves", 1, [], "events")
    assert said["fingerprint"] == subject.fingerprint
    fields = {each["name"]: each for each in said["versions"][0]["fields"]}
    assert (fields["weight"]["type"], fields["weight"]["max"]) == ("decimal(10,2)", "2.5")
    assert fields["seen_at"]["not_before"] == "2000-01-01T00:00:00+00:00"
    assert describe.as_dict(subject.latest) == said["versions"][0]


@pytest.mark.parametrize("root", [CONTRACTS, EXAMPLES])
def test_the_contracts_that_come_along_load_frozen_and_described(root: Path) -> None:
    for subject in load(root).subjects.values():
        assert subject.frozen == tuple(contract.version for contract in subject.contracts)
        assert json.loads(json.dumps(describe.as_dict(subject))) == describe.as_dict(subject)


def test_loading_takes_less_than_half_a_second() -> None:
    load()
    start = time.perf_counter()
    load()
    assert time.perf_counter() - start < 0.5


def test_the_registry_never_imports_spark() -> None:
    code = (
        "import sys, schema_registry.describe, schema_registry.registry as registry; registry.load(); "
        "assert not {'pyspark', 'delta', 'py4j'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=CONTRACTS.parents[1])
