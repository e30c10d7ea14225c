"""schema_registry.parsing, checks, yaml_file and registry: contracts that are refused, and the message of each.

Covers: schema_registry.checks, schema_registry.yaml_file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schema_registry.errors import ContractError
from schema_registry.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MISSING = [{"name": "a", "check": "boxes > 0"}, {"name": "a", "check": "boxes > 1"}]

REFUSED_FIELDS = {
    "a type that is none": ({"fields.boxes.type": "text"}, "boxes", "unknown type 'text': expected one of string, int"),
    "double": ({"fields.weight.type": "double"}, "weight", "money and measures are decimal(p,s)"),
    "float": ({"fields.weight.type": "float"}, "weight", "money and measures are decimal(p,s)"),
    "a decimal without scale": ({"fields.weight.type": "decimal"}, "weight", "must be decimal(p,s) with both numbers"),
    "a decimal too wide": ({"fields.weight.type": "decimal(39,2)"}, "weight", "must have 1 <= p <= 38"),
    "a decimal all fraction": ({"fields.weight.type": "decimal(4,5)"}, "weight", "0 <= s <= p"),
    "a type that is a number": ({"fields.boxes.type": 4}, "boxes", "type must be text, got 4"),
    "an unknown field key": (
        {"fields.boxes.requird": True},
        "boxes",
        "unknown key 'requird': did you mean 'required'?",
    ),
    "a field without type": ({"fields.boxes": {"min": 1}}, "boxes", "key 'type' is missing"),
    "a field that is text": ({"fields.boxes": "int"}, "boxes", "must be a mapping, got 'int'"),
    "required as text": ({"fields.boxes.required": "yes"}, "boxes", "required must be true or false, got 'yes'"),
    "min as text": ({"fields.boxes.min": "abc"}, "boxes", "min must be a number, got 'abc'"),
    "min as truth": ({"fields.boxes.min": True}, "boxes", "min must be a number, got true"),
    "min infinite": ({"fields.weight.min": float("inf")}, "weight", "min must be a number, got '.inf'"),
    "min with a fraction": ({"fields.boxes.min": 0.5}, "boxes", "min must be a value that int can hold, got 0.5"),
    "max beyond int": ({"fields.boxes.max": 2**31}, "boxes", "max must be a value that int can hold"),
    "max beyond decimal": ({"fields.weight.max": 10**8}, "weight", "max must be a value that decimal(10,2) can hold"),
    "min finer than decimal": (
        {"fields.weight.min": 0.001},
        "weight",
        "min must be a value that decimal(10,2) can hold",
    ),
    "min above max": (
        {"fields.boxes.min": 3, "fields.boxes.max": 2},
        "boxes",
        "min must not be above max, got 3 and 2",
    ),
    "min of text": ({"fields.label.min": 3}, "label", "min is for int, bigint, decimal, not for string"),
    "min 0 of text": ({"fields.label.min": 0}, "label", "min is for int, bigint, decimal, not for string"),
    "enum of numbers": ({"fields.boxes.enum": ["1"]}, "boxes", "enum is for string, not for int"),
    "an empty enum": ({"fields.colour.enum": []}, "colour", "enum must be a list with at least one entry"),
    "an enum of truths": ({"fields.colour.enum": [False]}, "colour", "enum must be text, got false: put it in quotes"),
    "an enum value twice": ({"fields.colour.enum": ["red", "red"]}, "colour", "enum lists 'red' twice"),
    "a broken pattern": ({"fields.label.pattern": "[a"}, "label", "pattern must be a regular expression, got '[a'"),
    "an ambiguous pattern": ({"fields.label.pattern": "[[a]"}, "label", "pattern must be a regular expression"),
    "a pattern of Python alone": ({"fields.label.pattern": "(?P<a>b)"}, "label", "must do without named groups"),
    "a blank pattern": ({"fields.label.pattern": " "}, "label", "pattern must not be blank"),
    "max_length zero": ({"fields.label.max_length": 0}, "label", "max_length must be a whole number from 1, got 0"),
    "max_length of a time": (
        {"fields.seen_at.max_length": 9},
        "seen_at",
        "max_length is for string, not for timestamp",
    ),
    "not_before of text": ({"fields.label.not_before": "2000-01-01T00:00:00Z"}, "label", "not_before is for timestamp"),
    "not_before without zone": (
        {"fields.seen_at.not_before": "2000-01-01T00:00:00"},
        "seen_at",
        "not_before must be a time with its zone, as in 2000-01-01T00:00:00Z",
    ),
    "not_before that is no time": ({"fields.seen_at.not_before": "soon"}, "seen_at", "must be a time with its zone"),
    "required twice over": (
        {"fields.label.required": True, "fields.label.required_when": "boxes > 0"},
        "label",
        "required and required_when exclude each other",
    ),
    "required_when unknown": ({"fields.label.required_when": "size > 0"}, "label", "unknown field 'size'"),
    "required_when no condition": ({"fields.label.required_when": "boxes + 1"}, "label", "must be a condition"),
    "a capital name": ({"fields.Size": {"type": "int"}}, "Size", "names must be lower case letters, digits and _"),
    "an underscored name": ({"fields._size": {"type": "int"}}, "_size", "starting with a letter"),
    "a name of the lake": ({"fields.row_id": {"type": "int"}}, "row_id", "one of the lake's own columns"),
    "schema_version": ({"fields.schema_version": {"type": "int"}}, "schema_version", "one of the lake's own columns"),
    "a key that is no field": ({"key": ["size"]}, "size", "key must name fields of this version"),
    "a key not required": ({"key": ["boxes"]}, "boxes", "a field of the key must be required: true"),
    "an event_time that is no field": ({"event_time": "size"}, "size", "event_time must name a field of this version"),
    "an event_time of text": ({"event_time": "shelf_id"}, "shelf_id", "must be a timestamp and required: true"),
    "an optional event_time": ({"fields.seen_at.required": False}, "seen_at", "must be a timestamp and required: true"),
    "a rule that does not parse": (
        {"rules": [{"name": "r", "check": "boxes >"}]},
        "r",
        "must be a single Spark SQL expression: it does not parse",
    ),
    "a rule on an unknown field": ({"rules": [{"name": "r", "check": "size > 1"}]}, "r", "unknown field 'size'"),
    "a rule on a derived column": ({"rules": [{"name": "r", "check": "heavy"}]}, "r", "unknown field 'heavy'"),
    "a rule that is no condition": ({"rules": [{"name": "r", "check": "(boxes * 2)"}]}, "r", "must be a condition"),
    "a rule without check": ({"rules": [{"name": "r"}]}, "r", "key 'check' is missing"),
    "a rule without name": ({"rules": [{"check": "boxes > 1"}]}, "without a name", "key 'name' is missing"),
    "a rule with a strange name": (
        {"rules": [{"name": "a b", "check": "boxes > 1"}]},
        "a b",
        "names must be lower case",
    ),
    "a rule key that is none": (
        {"rules": [{"name": "r", "chek": "x"}]},
        "r",
        "unknown key 'chek': did you mean 'check'?",
    ),
    "two rules of one name": ({"rules": MISSING}, "a", "two rules have this name"),
    "a derived column like a field": (
        {"derive": {"boxes": {"type": "int", "expr": "boxes + 1"}}},
        "boxes",
        "this name is taken by a field",
    ),
    "a derived column of the lake": (
        {"derive.event_date": {"type": "date", "expr": "label"}},
        "event_date",
        "lake's own",
    ),
    "a derived column on nothing known": (
        {"derive.x": {"type": "int", "expr": "size + 1"}},
        "x",
        "unknown field 'size'",
    ),
    "a derived column without type": ({"derive.x": {"expr": "boxes + 1"}}, "x", "key 'type' is missing"),
}

REFUSED_FILES = {
    "an unknown key": ({"feilds": {}}, "unknown key 'feilds': did you mean 'fields'?"),
    "a key like nothing known": ({"zzz": 1}, "unknown key 'zzz': expected one of subject, version, kind"),
    "no kind": ({"kind": None}, "kind must be one of events, changes, got null"),
    "a kind that is none": ({"kind": "rows"}, "kind must be one of events, changes, got 'rows'"),
    "a compatibility that is none": (
        {"compatibility": "upward"},
        "compatibility must be one of backward, forward, full",
    ),
    "no fields": ({"fields": {}}, "fields must name at least one field"),
    "fields as a list": ({"fields": ["boxes"]}, "fields must be a mapping, got ['boxes']"),
    "a field named true": ({"fields": {True: {"type": "int"}}}, "a name in fields must be text, got true"),
    "rules as a mapping": ({"rules": {"r": "boxes > 1"}}, "rules must be a list of {name, check}"),
    "key as text": ({"key": "shelf_id"}, "key must be a list with at least one entry, got 'shelf_id'"),
    "another version": ({"version": 2}, "version must be the file's number 1, got 2"),
    "a version as text": ({"version": "1"}, "version must be a whole number from 1, got '1'"),
    "another subject": ({"subject": "shelf"}, "subject must be the folder's name 'shelves', got 'shelf'"),
    "migrate in the first version": ({"migrate": {"boxes": "1"}}, "migrate must be left out in version 1"),
    "sequence_by for events": ({"sequence_by": "boxes"}, "sequence_by is for kind changes, not for events"),
    "tracked for events": ({"tracked": ["boxes"]}, "tracked is for kind changes, not for events"),
    "partial updates for events": ({"partial_updates": True}, "partial_updates is for kind changes, not for events"),
}


@pytest.mark.parametrize(("changes", "field", "problem"), REFUSED_FIELDS.values(), ids=REFUSED_FIELDS.keys())
def test_a_field_out_of_form_is_refused_by_name(
    root: Path, write: Callable[..., Path], changes: dict[str, Any], field: str, problem: str
) -> None:
    file = write(1, changes)
    with pytest.raises(ContractError) as refused:
        load(root)
    assert problem in str(refused.value)
    assert str(refused.value).startswith(f"{file}: ")
    assert f"'{field}': " in str(refused.value)
    assert "\n" not in str(refused.value)
    error = refused.value
    assert (error.file, error.subject, error.version, error.field) == (file, "shelves", 1, field)


@pytest.mark.parametrize(("changes", "problem"), REFUSED_FILES.values(), ids=REFUSED_FILES.keys())
def test_a_file_out_of_form_is_refused(
    root: Path, write: Callable[..., Path], changes: dict[str, Any], problem: str
) -> None:
    file = write(1, changes)
    with pytest.raises(ContractError) as refused:
        load(root)
    assert str(refused.value).startswith(f"{file}: {problem}")
    assert (refused.value.file, refused.value.subject, refused.value.field) == (file, "shelves", None)


@pytest.mark.parametrize("key", ["subject", "version", "kind", "key", "event_time", "fields"])
def test_a_missing_key_is_named(root: Path, write: Callable[..., Path], remove: object, key: str) -> None:
    write(1, {key: remove})
    with pytest.raises(ContractError, match=f"v1.yaml: key '{key}' is missing"):
        load(root)


def test_a_refusal_reads_as_one_sentence_that_names_the_place(
    root: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    write(1, {"fields.boxes.min": "abc"})
    with pytest.raises(ContractError) as refused:
        load(root)
    assert str(refused.value) == "shelves/v1.yaml: field 'boxes': min must be a number, got 'abc'"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"subject: \xff", "must be UTF-8 text, byte 9 is not"),
        (b"subject: [a", "must be one YAML document: line 1: "),
        (b"a: 1\n---\nb: 2\n", "must be one YAML document: "),
        (b"a: !!python/object:os.system x", "must be one YAML document: line 1: could not determine a constructor"),
        (b"? [a]\n: b\n", "must be one YAML document: line 1: found unhashable key"),
        (b"a: \x01", "must be one YAML document: "),
        (b"- a", "must be a YAML mapping"),
        (b"", "must be a YAML mapping"),
        (b"version: 1\nkind: events\nversion: 2\n", "must be one YAML document: line 3: key 'version' is given twice"),
        (b"fields:\n  a: {type: int, type: string}\n", "must be one YAML document: line 2: key 'type' is given twice"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused(root: Path, text: bytes, problem: str) -> None:
    file = root / "shelves" / "v1.yaml"
    file.write_bytes(text)
    with pytest.raises(ContractError) as refused:
        load(root)
    assert str(refused.value).startswith(f"{file}: {problem}")
    assert "\n" not in str(refused.value)


def test_a_decimal_without_quotes_in_braces_gets_a_hint(root: Path, write: Callable[..., Path]) -> None:
    file = write(1)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("weight:\n    type: decimal(10,2)", "weight: {type: decimal(10,2)}"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"field 'weight': type 'decimal\(10' must be decimal.* in quotes inside"):
        load(root)


def test_two_fields_of_one_name_are_refused(root: Path, write: Callable[..., Path]) -> None:
    file = write(1)
    file.write_text(
        file.read_text(encoding="utf-8").replace("  label:\n", "  boxes:\n    type: int\n  label:\n"), encoding="utf-8"
    )
    with pytest.raises(ContractError, match="key 'boxes' is given twice"):
        load(root)


REFUSED_CHANGES = {
    "no sequence": ({"sequence_by": "label"}, "sequence_by must be seq or an int or bigint field, got label"),
    "an entity whose history gold has": (
        {"entity": "date"},
        "entity must not be 'date': dim_date is the calendar of gold",
    ),
    "tracked that is no field": ({"tracked": ["size"]}, "field 'size': tracked must name fields of this version"),
    "a field named seq": ({"fields.seq": {"type": "int"}}, "field 'seq': this name is one of the lake's own columns"),
    "a field named op": ({"fields.op": {"type": "string"}}, "field 'op': this name is one of the lake's own columns"),
    "a key of the change": ({"key": ["change_id"]}, "field 'change_id': key must name fields of this version"),
    "an event_time that is none": ({"event_time": "seq"}, "field 'seq': event_time must name a field"),
}


@pytest.mark.parametrize(("changes", "problem"), REFUSED_CHANGES.values(), ids=REFUSED_CHANGES.keys())
def test_a_contract_of_changes_out_of_form_is_refused(
    root: Path, write: Callable[..., Path], items: dict[str, Any], changes: dict[str, Any], problem: str
) -> None:
    file = write(1, changes, base=items)
    with pytest.raises(ContractError) as refused:
        load(root)
    assert str(refused.value).startswith(f"{file}: {problem}")


def test_changes_without_a_sequence_are_refused(
    root: Path, write: Callable[..., Path], items: dict[str, Any], remove: object
) -> None:
    write(1, {"sequence_by": remove}, base=items)
    with pytest.raises(ContractError, match="sequence_by must be seq or an int or bigint field, got nothing"):
        load(root)
