"""schema_registry.compatibility: the levels, and that the registry refuses a version that breaks its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schema_registry.compatibility import LEVELS, violations
from schema_registry.errors import ContractError
from schema_registry.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from schema_registry.contract import Contract

NOT = {"compatibility": "none"}


@pytest.fixture
def pair(root: Path, write: Callable[..., Path]) -> Callable[..., Any]:
    """pair(v1 changes, v2 changes) gives both contracts, loaded without comparing them."""

    def load_pair(older: dict[str, Any], newer: dict[str, Any]) -> tuple[Contract, Contract]:
        write(1, {**NOT, **older})
        write(2, {**NOT, **newer})
        first, second = load(root).subject("shelves").contracts
        return first, second

    return load_pair


STRICTER = {
    "required": ({}, {"fields.label.required": True}, "requires it always"),
    "required when": ({}, {"fields.label.required_when": "boxes > 0"}, "requires it when boxes > 0"),
    "required when something else": (
        {"fields.label.required_when": "boxes > 1"},
        {"fields.label.required_when": "boxes > 0"},
        "requires it when boxes > 0",
    ),
    "a narrower integer": ({"fields.boxes.type": "bigint"}, {}, "has type int for bigint"),
    "a decimal as integer": ({}, {"fields.weight.type": "int"}, "has type int for decimal(10,2)"),
    "a smaller scale": ({"fields.weight.type": "decimal(12,3)"}, {}, "has type decimal(10,2) for decimal(12,3)"),
    "fewer digits before the point": ({}, {"fields.weight.type": "decimal(10,3)"}, "has type decimal(10,3)"),
    "a decimal too small for int": ({}, {"fields.boxes.type": "decimal(11,2)"}, "has type decimal(11,2) for int"),
    "a decimal too large for int": (
        {"fields.weight.type": "decimal(10,0)"},
        {"fields.weight.type": "int"},
        "has type int for decimal(10,0)",
    ),
    "text as a number": ({}, {"fields.label.type": "int"}, "has type int for string"),
    "a time as a date": (
        {"fields.day": {"type": "timestamp"}},
        {"fields.day": {"type": "date"}},
        "has type date for timestamp",
    ),
    "a date as a time": (
        {"fields.day": {"type": "date"}},
        {"fields.day": {"type": "timestamp"}},
        "has type timestamp for date",
    ),
    "an enum value less": ({}, {"fields.colour.enum": ["blue"]}, "does not allow red"),
    "a new enum": ({}, {"fields.label.enum": ["a"]}, "allows only an enum"),
    "a higher min": ({}, {"fields.boxes.min": 1}, "has min 1"),
    "a new max": ({}, {"fields.boxes.max": 5}, "has max 5"),
    "a lower max": ({"fields.boxes.max": 6}, {"fields.boxes.max": 5}, "has max 5"),
    "a new max_length": ({}, {"fields.label.max_length": 5}, "has max_length 5"),
    "a shorter max_length": ({"fields.label.max_length": 6}, {"fields.label.max_length": 5}, "has max_length 5"),
    "max_length under an enum": ({}, {"fields.colour": {"type": "string", "max_length": 3}}, "has max_length 3"),
    "another pattern": ({"fields.label.pattern": "a+"}, {"fields.label.pattern": "a*"}, "has pattern a*"),
    "a new non_blank": ({}, {"fields.label.non_blank": True}, "has non_blank"),
    "a later not_before": (
        {"fields.seen_at.not_before": "2000-01-01T00:00:00Z"},
        {"fields.seen_at.not_before": "2001-01-01T00:00:00Z"},
        "has not_before 2001-01-01T00:00:00+00:00",
    ),
    "a new not_future": ({}, {"fields.seen_at.not_future": True}, "has not_future"),
}

WIDER = {
    "nothing": ({}, {}),
    "int to bigint": ({}, {"fields.boxes.type": "bigint"}),
    "int to a decimal wide enough": ({}, {"fields.boxes.type": "decimal(12,2)"}),
    "bigint to a decimal wide enough": ({"fields.boxes.type": "bigint"}, {"fields.boxes.type": "decimal(19,0)"}),
    "a whole decimal to int": ({"fields.weight.type": "decimal(9,0)"}, {"fields.weight.type": "int"}),
    "a wider decimal": ({}, {"fields.weight.type": "decimal(12,3)"}),
    "a number to text": ({}, {"fields.weight.type": "string"}),
    "required no more": ({"fields.label.required": True}, {}),
    "required only sometimes": ({"fields.label.required": True}, {"fields.label.required_when": "boxes > 0"}),
    "an enum value more": ({}, {"fields.colour.enum": ["red", "blue", "green"]}),
    "an enum no more": ({}, {"fields.colour": {"type": "string"}}),
    "an enum to a long enough text": ({}, {"fields.colour": {"type": "string", "max_length": 4, "non_blank": True}}),
    "a lower min": ({}, {"fields.boxes.min": -1}),
    "a longer max_length": ({"fields.label.max_length": 5}, {"fields.label.max_length": 6}),
    "a pattern no more": ({"fields.label.pattern": "a"}, {}),
    "a new optional field": ({}, {"fields.size": {"type": "int"}}),
    "a new rule": ({}, {"rules": [{"name": "r", "check": "boxes > 100"}]}),
}


@pytest.mark.parametrize(("older", "newer", "reason"), STRICTER.values(), ids=STRICTER.keys())
def test_what_asks_more_of_a_field_breaks_backward_and_its_mirror_breaks_forward(
    pair: Callable[..., Any], older: Any, newer: Any, reason: str
) -> None:
    v1, v2 = pair(older, newer)
    (said,) = violations(v1, v2, "backward")
    assert said.startswith("field '")
    assert f"v2 {reason}" in said
    assert said.endswith("so it may refuse v1 rows")
    (mirrored,) = violations(v2, v1, "forward")
    assert f"v2 {reason}" in mirrored


@pytest.mark.parametrize(("older", "newer"), WIDER.values(), ids=WIDER.keys())
def test_what_asks_less_of_a_field_keeps_backward_and_its_mirror_keeps_forward(
    pair: Callable[..., Any], older: Any, newer: Any
) -> None:
    v1, v2 = pair(older, newer)
    assert violations(v1, v2, "backward") == []
    assert violations(v2, v1, "forward") == []


@pytest.mark.parametrize("entry", ["null", "'here'"])
def test_a_newly_required_field_needs_a_migrate_entry_backward(pair: Callable[..., Any], entry: str) -> None:
    size = {"fields.size": {"type": "string", "required": True}}
    v1, v2 = pair({}, size)
    assert violations(v1, v2, "backward") == [
        "field 'size': v2 requires it and v1 rows lack it, add a migrate entry (even \"null\")"
    ]
    assert violations(v1, v2, "forward") == []
    v1, v2 = pair({}, {**size, "migrate": {"size": entry}})
    assert violations(v1, v2, "backward") == []


def test_a_migrate_entry_answers_for_a_narrower_field_backward_but_not_forward(pair: Callable[..., Any]) -> None:
    v1, v2 = pair({}, {"fields.label": {"type": "int"}, "migrate": {"label": "length(label)"}})
    assert violations(v1, v2, "backward") == []
    v1, v2 = pair(
        {"fields.label": {"type": "int"}}, {"fields.label": {"type": "string"}, "migrate": {"label": "label"}}
    )
    assert violations(v1, v2, "forward") == ["field 'label': v1 has type int for string, so it may refuse v2 rows"]


def test_a_required_field_that_went_away_breaks_forward_alone(pair: Callable[..., Any], remove: object) -> None:
    v1, v2 = pair({"fields.label.required": True}, {"fields.label": remove})
    assert violations(v1, v2, "backward") == []
    assert violations(v1, v2, "forward") == ["field 'label': v1 requires it and v2 no longer has it"]
    assert violations(v1, v2, "full") == violations(v1, v2, "forward")


def test_an_optional_field_that_went_away_breaks_nothing(pair: Callable[..., Any], remove: object) -> None:
    v1, v2 = pair({}, {"fields.label": remove})
    assert violations(v1, v2, "full") == []


def test_full_is_backward_and_forward(pair: Callable[..., Any]) -> None:
    v1, v2 = pair({}, {"fields.boxes.type": "bigint", "fields.label.required": True})
    assert violations(v1, v2, "full") == violations(v1, v2, "backward") + violations(v1, v2, "forward")
    assert len(violations(v1, v2, "full")) == 2


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "none"])
def test_another_key_or_event_time_breaks_every_level_but_none(pair: Callable[..., Any], level: str) -> None:
    also = {"fields.code": {"type": "string", "required": True}, "fields.at": {"type": "timestamp", "required": True}}
    v1, v2 = pair(also, {**also, "key": ["code"], "event_time": "at"})
    assert violations(v1, v2, level) == [
        "key: it was shelf_id in v1 and is code",
        "event_time: it was seen_at in v1 and is at",
    ]
    assert violations(v1, v2, "none") == []


def test_a_renamed_key_is_the_same_key(pair: Callable[..., Any], remove: object) -> None:
    code = {"type": "string", "required": True}
    v1, v2 = pair(
        {}, {"fields.shelf_id": remove, "fields.code": code, "key": ["code"], "migrate": {"code": "`shelf_id`"}}
    )
    assert violations(v1, v2, "backward") == []


def test_a_copy_of_the_key_does_not_take_its_place(pair: Callable[..., Any]) -> None:
    v1, v2 = pair({}, {"fields.copied_id": {"type": "string"}, "migrate": {"copied_id": "shelf_id"}})
    assert violations(v1, v2, "backward") == []


def test_loading_refuses_a_version_that_breaks_its_declared_level(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    file = write(2, {"fields.boxes.min": 1, "fields.label.required": True})
    with pytest.raises(ContractError) as refused:
        load(root)
    assert str(refused.value) == (
        f"{file}: breaks backward compatibility with v1: field 'boxes': v2 has min 1, so it may refuse v1 rows; "
        "field 'label': v2 requires it always, so it may refuse v1 rows"
    )
    assert (refused.value.subject, refused.value.version) == ("shelves", 2)
    write(2, {"fields.boxes.min": 1, "fields.label.required": True, "compatibility": "forward"})
    assert load(root).subject("shelves").compatibility == "forward"


def test_a_plain_level_looks_one_version_back_and_a_transitive_one_at_all(
    root: Path, write: Callable[..., Path]
) -> None:
    write(1)
    write(2, {"fields.boxes.min": 1, **NOT})
    write(3, {"fields.boxes.min": 1})
    assert load(root).subject("shelves").latest.version == 3
    write(3, {"fields.boxes.min": 1, "compatibility": "backward_transitive"})
    with pytest.raises(ContractError, match="breaks backward_transitive compatibility with v1: field 'boxes'"):
        load(root)


def test_a_migrate_entry_on_the_way_counts_for_later_versions(root: Path, write: Callable[..., Path]) -> None:
    size = {"fields.size": {"type": "int", "required": True}}
    write(1)
    write(2, {**size, "migrate": {"size": "1"}})
    write(3, {**size, "compatibility": "backward_transitive"})
    assert load(root).subject("shelves").latest.version == 3


def test_a_field_that_was_gone_on_the_way_does_not_come_back_for_old_rows(
    root: Path, write: Callable[..., Path], remove: object
) -> None:
    label = {"fields.label.required": True}
    write(1, label)
    write(2, {"fields.label": remove})
    write(3, {**label, **NOT})
    v1, v2, v3 = load(root).subject("shelves").contracts
    assert violations(v1, v3, "backward_transitive", between=(v2,)) == [
        "field 'label': v3 requires it and v1 rows lack it, add a migrate entry (even \"null\")"
    ]
