"""Examples are data that is read strictly, and no part of a contract.

Covers: schema_registry.example, schema_registry.value_text.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schema_registry import example, examples, registry
from schema_registry.contract import VERSION_COLUMN
from schema_registry.errors import ContractError
from schema_registry.example import Example, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_registry.registry import Subject

ROOTS = (registry.CONTRACTS, Path(__file__).parent / "contracts")
SUBJECTS = [(root, subject) for root in ROOTS for subject in registry.load(root).subjects.values()]
GOOD = """
- name: a shelf of boxes
  row: &shelf {shelf_id: s, seen_at: 2026-01-05T10:00:00Z, boxes: "2", weight: "7.5", colour: red}
  verdict: accepted
  values: {boxes: "2", weight: "7.50", heavy: "false", label: null}
- name: boxes of nothing
  version: 1
  ingested_at: 2026-01-05T12:00:00+01:00
  row: {<<: *shelf, weight: "0", " odd ": "", colour: null}
  verdict: dead_letter
  reasons: [{code: rule, field: boxes_weigh_something, detail: "does not hold: boxes = 0 OR weight > 0"}]
"""


@pytest.fixture
def read(root: Path, write: Callable[..., Path]) -> Callable[..., Any]:
    """read(text) writes the text as shelves/examples/some.yaml and loads the examples."""
    write(1)
    folder = root / "shelves"

    def read_examples(text: str, name: str = "some.yaml") -> Any:
        (folder / "examples").mkdir(exist_ok=True)
        (folder / "examples" / name).write_text(text, encoding="utf-8")
        return examples.load(folder, registry.load_subject(folder))

    return read_examples


def test_a_case_becomes_an_example(root: Path, read: Callable[..., Any]) -> None:
    file = root / "shelves" / "examples" / "some.yaml"
    row = {"shelf_id": "s", "seen_at": "2026-01-05T10:00:00Z", "boxes": "2", "weight": "7.5", "colour": "red"}
    first, second = read(GOOD)
    values = {"boxes": "2", "weight": "7.50", "heavy": "false", "label": None}
    assert first == Example(file, "a shelf of boxes", row, "accepted", values=values)
    assert first.received == row
    assert second == Example(
        file,
        "boxes of nothing",
        row | {"weight": "0", " odd ": "", "colour": None},
        "dead_letter",
        (Reason("rule", "boxes_weigh_something", "does not hold: boxes = 0 OR weight > 0"),),
        version=1,
        ingested_at=datetime(2026, 1, 5, 11, tzinfo=UTC),
    )
    assert second.received == {**second.row, VERSION_COLUMN: "1"}


def test_a_subject_without_examples_has_none(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    folder = root / "shelves"
    assert examples.load(folder, registry.load_subject(folder)) == ()


def test_files_are_read_in_order_and_leftovers_passed_over(root: Path, read: Callable[..., Any]) -> None:
    read(GOOD, "b.yaml")
    for leftover in ("README.md", ".hidden.yaml", "a.yaml~", "_draft.yaml"):
        (root / "shelves" / "examples" / leftover).write_text("no: list", encoding="utf-8")
    found = read(GOOD.replace("name: ", "name: also "), "a.yaml")
    assert [example.name for example in found] == [
        "also a shelf of boxes", "also boxes of nothing", "a shelf of boxes", "boxes of nothing",
    ]  # fmt: skip


CASE = "- {name: one, row: {shelf_id: s}, verdict: accepted}\n"


def case(**keys: Any) -> str:
    """One case in YAML; a value of None is left out."""
    given = {"name": "one", "row": "{shelf_id: s}", "verdict": "accepted", **keys}
    return "- {" + ", ".join(f"{key}: {value}" for key, value in given.items() if value is not None) + "}\n"


REFUSED = {
    "a mapping": ("name: one", "must be a list of cases, each with name, row and verdict, got a mapping"),
    "an empty list": ("[]", "must be a list of cases, each with name, row and verdict, got an empty list"),
    "nothing": ("", "must be a list of cases, each with name, row and verdict, got null"),
    "no YAML": ("- {", "must be one YAML document: line 1"),
    "a text": ("- one", "case '1': must be a mapping, got 'one'"),
    "no name": (case(name=None), "case '1': key 'name' is missing"),
    "no row": (case(row=None), "case 'one': key 'row' is missing"),
    "no verdict": (case(verdict=None), "case 'one': key 'verdict' is missing"),
    "an unknown key": (case(reason="[]"), "case 'one': unknown key 'reason': did you mean 'reasons'?"),
    "a key twice": ("- {name: one, name: two}", "key 'name' is given twice"),
    "another verdict": (case(verdict="late"), "case 'one': verdict must be one of accepted, dead_letter, got 'late'"),
    "a row of numbers": (
        case(row="{boxes: 2}"),
        "case 'one': row 'boxes' must be text in quotes, or null, as rows hold text alone, got 2",
    ),
    "a row of booleans": (
        case(row="{boxes: no}"),
        "case 'one': row 'boxes' must be text in quotes, or null, as rows hold text alone, got false",
    ),
    "a row of rows": (
        case(row="{boxes: [a]}"),
        "case 'one': row 'boxes' must be text in quotes, or null, as rows hold text alone, got ['a']",
    ),
    "a name that is a number": (
        case(row="{2: two}"),
        "case 'one': a name in row must be text in quotes, as rows hold text alone, got 2",
    ),
    "half a character": (case(row='{boxes: "\\ud800"}'), "row 'boxes' holds half of a surrogate pair"),
    "a row that is a list": (case(row="[a]"), "case 'one': row must be a mapping, got ['a']"),
    "a version that is not": (case(version=2), "case 'one': version must be one of 1 to 1, got 2"),
    "a version of text": (case(version="one"), "case 'one': version must be a whole number from 1, got 'one'"),
    "two versions": (
        case(version=1, row='{schema_version: "1"}'),
        "case 'one': version and the row's own schema_version exclude each other: keep one",
    ),
    "a time without a zone": (case(ingested_at="2026-01-05"), "case 'one': ingested_at must be a time with its zone"),
    "an accepted row with reasons": (
        case(reasons="[{code: missing, field: boxes}]"),
        "case 'one': an accepted row has no reasons: leave them out, or expect a dead_letter",
    ),
    "a dead letter without": (
        case(verdict="dead_letter"),
        "case 'one': reasons must name every reason of a dead_letter, as in [{code: missing, field: price}]",
    ),
    "reasons that are no list": (
        case(verdict="dead_letter", reasons="missing"),
        "case 'one': reasons must be a list of {code, field}, got 'missing'",
    ),
    "a reason without a code": (
        case(verdict="dead_letter", reasons="[{field: boxes}]"),
        "case 'one': key 'code' is missing",
    ),
    "a reason of an unknown field": (
        case(verdict="dead_letter", reasons="[{code: missing, field: boxs}]"),
        "case 'one': reasons name the unknown field or rule 'boxs': did you mean 'boxes'?",
    ),
    "a value of an unknown column": (
        case(values='{wight: "1.00"}'),
        "case 'one': values name the unknown column 'wight': did you mean 'weight'?",
    ),
    "a value of another form": (
        case(values='{weight: "1.5"}'),
        "case 'one': values 'weight' must be a number such as 1.00, of 2 decimals for decimal(10,2), got '1.5'",
    ),
    "a time of another form": (
        case(values='{seen_at: "2026-01-05 10:00"}'),
        "case 'one': values 'seen_at' must be a time such as 2026-01-05T10:00:00Z, of 0 or 6 decimals for timestamp",
    ),
    "a number with a zero before it": (
        case(values='{boxes: "02"}'),
        "case 'one': values 'boxes' must be a whole number such as 31 for int, got '02'",
    ),
    "a truth of another form": (
        case(values='{heavy: "yes"}'),
        "case 'one': values 'heavy' must be true or false, in quotes for boolean, got 'yes'",
    ),
    "a name twice": (CASE + CASE, "case 'one': the name is taken by one in some.yaml"),
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_out_of_form_is_refused_with_its_file_and_case(
    root: Path, read: Callable[..., Any], text: str, problem: str
) -> None:
    with pytest.raises(ContractError) as refusal:
        read(text)
    assert refusal.value.file == root / "shelves" / "examples" / "some.yaml"
    assert problem in str(refusal.value)


def test_a_file_of_another_ending_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(ContractError, match=r"expected only \.yaml files among the examples"):
        read(GOOD, "some.yml")


def test_what_is_called_examples_and_is_no_folder_is_refused(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    folder = root / "shelves"
    (folder / "examples").write_text(GOOD, encoding="utf-8")
    with pytest.raises(ContractError, match=r"examples: must be a folder of \.yaml files"):
        examples.load(folder, registry.load_subject(folder))


@pytest.mark.parametrize(
    ("module", "limit", "most", "problem"),
    [
        (examples, "MOST_BYTES", 100, "a file may have 100 bytes, and this has more: split it"),
        (example, "MOST_FIELDS", 4, "case 'a shelf of boxes': row may name 4 fields, and this names 5"),
        (example, "LONGEST_TEXT", 8, "case 'a shelf of boxes': row 'seen_at' may have 8 characters, and this has 20"),
    ],
)
def test_what_is_too_large_is_refused(
    read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, module: Any, limit: str, most: int, problem: str
) -> None:
    monkeypatch.setattr(module, limit, most)
    with pytest.raises(ContractError, match=problem):
        read(GOOD)


def test_a_subject_has_so_many_cases_at_most(read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "MOST_CASES", 1)
    with pytest.raises(ContractError, match="a subject may have 1 cases, and this has more"):
        read(GOOD)


def test_examples_are_no_part_of_a_contract(root: Path, read: Callable[..., Any]) -> None:
    folder = root / "shelves"
    before = registry.load_subject(folder)
    read(GOOD)
    assert registry.load_subject(folder) == before
    assert registry.load_subject(folder).fingerprint == before.fingerprint
    assert list(registry.load(root).subjects) == ["shelves"]
    (folder / "examples" / "some.yaml").write_text("no: list", encoding="utf-8")
    assert registry.load_subject(folder) == before, "examples that cannot be read keep no contract from loading"


@pytest.mark.parametrize(("root", "subject"), SUBJECTS, ids=[subject.name for _, subject in SUBJECTS])
def test_a_copied_folder_still_loads_with_its_examples(root: Path, subject: Subject, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root / subject.name, tmp_path / subject.name))
    assert registry.load_subject(copy) == subject
    found = examples.load(copy, subject)
    assert found
    stored = examples.load(root / subject.name, subject)
    assert [replace(example, file=Path()) for example in found] == [replace(one, file=Path()) for one in stored]


@pytest.mark.parametrize(("root", "subject"), SUBJECTS, ids=[subject.name for _, subject in SUBJECTS])
def test_a_subjects_examples_show_each_version_rule_enum_and_required_field_and_each_operation(
    root: Path, subject: Subject
) -> None:
    latest, found = subject.latest, examples.load(root / subject.name, subject)
    accepted = [example for example in found if example.verdict == "accepted"]
    got = {(reason.code, reason.field) for example in found for reason in example.reasons}
    versions = {example.values.get(VERSION_COLUMN) for example in accepted}
    assert {str(contract.version) for contract in subject.contracts} <= versions
    assert {("rule", rule.name) for rule in latest.rules} <= got
    assert {("missing", name) for name in latest.required_names} <= got
    enums = {field.name: set(field.enum) for field in latest.fields if field.enum}
    assert {("not_allowed", name) for name in enums} <= got
    taken = {name: {example.row.get(name) for example in accepted} for name in enums}
    migrated = {name: {example.values.get(name) for example in accepted} for name in enums}
    assert all(words <= taken[name] | migrated[name] for name, words in enums.items())
    numbers = [field.name for field in latest.fields if field.type.is_number and field.min is not None]
    assert all(("out_of_range", name) in got for name in numbers)
    if subject.kind == "changes":
        assert {"c", "u", "d", "t"} <= {example.row.get("op") for example in accepted}
