"""schema_registry.migration: the steps from each version to the latest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schema_registry.errors import ContractError
from schema_registry.migration import Step, chain
from schema_registry.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_single_version_has_no_steps(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    assert load(root).subject("shelves").steps == ()


def test_a_step_says_for_every_field_where_its_text_comes_from(
    root: Path, write: Callable[..., Path], remove: object
) -> None:
    write(1)
    write(
        2,
        {
            "fields.label": remove,
            "fields.title": {"type": "string"},
            "fields.size": {"type": "int"},
            "fields.owner": {"type": "string"},
            "migrate": {"title": "label", "size": "1", "colour": "coalesce(colour, 'red')"},
        },
    )
    assert load(root).subject("shelves").steps == (
        Step(
            1,
            2,
            {
                "shelf_id": "`shelf_id`",
                "seen_at": "`seen_at`",
                "boxes": "`boxes`",
                "weight": "`weight`",
                "colour": "coalesce(colour, 'red')",
                "title": "label",
                "size": "1",
                "owner": None,
            },
        ),
    )


def test_the_chain_has_one_step_per_version(root: Path, write: Callable[..., Path]) -> None:
    for version in (1, 2, 3):
        write(version)
    contracts = load(root).subject("shelves").contracts
    assert [(step.from_version, step.to_version) for step in chain(contracts)] == [(1, 2), (2, 3)]


def test_introduced_in_counts_from_when_a_field_has_always_been_there(
    root: Path, write: Callable[..., Path], remove: object
) -> None:
    write(1)
    write(2, {"fields.label": remove, "fields.size": {"type": "int"}})
    write(3, {"fields.title": {"type": "string"}, "fields.size": {"type": "int"}, "migrate": {"title": "colour"}})
    introduced = load(root).subject("shelves").introduced_in
    assert introduced == {
        "shelf_id": 1,
        "seen_at": 1,
        "boxes": 1,
        "weight": 1,
        "colour": 1,
        "label": 3,  # it was gone in between
        "title": 3,
        "size": 2,
    }


def test_a_renamed_field_counts_as_introduced_by_the_rename(
    root: Path, write: Callable[..., Path], remove: object
) -> None:
    write(1)
    write(2, {"fields.label": remove, "fields.title": {"type": "string"}, "migrate": {"title": "label"}})
    assert load(root).subject("shelves").introduced_in["title"] == 2


def test_rows_are_exempt_only_from_what_their_version_has_none_of_by_the_contracts_own_word(
    root: Path, write: Callable[..., Path], remove: object
) -> None:
    text = {"type": "string"}
    write(1)
    made = {"title": "label", "size": "1", "owner": "null", "crew": "TRY_CAST((NULL) AS string)"}
    fields = {f"fields.{name}": text for name in (*made, "room")}
    write(2, {"fields.label": remove, **fields, "migrate": made})
    later = {**fields, "fields.team": text, "fields.both": text, "fields.name": text}
    write(
        3,
        {"fields.label": remove, **later, "migrate": {"team": "crew", "both": "concat(owner, title)", "name": "title"}},
    )
    subject = load(root).subject("shelves")
    without = {name: set(versions) for name, versions in subject.exempt_versions.items() if versions}
    assert without == {"owner": {1}, "crew": {1}, "room": {1}, "team": {1}}
    assert (subject.unused(1), subject.unused(2), subject.unused(3)) == (set(), set(), set())  # type: ignore[comparison-overlap]
    assert subject.sources(1)["name"] == {"label"}


@pytest.mark.parametrize(
    ("migrate", "problem"),
    [
        ({"size": "1"}, "migrate must name fields of v2, and this is none"),
        ({"boxes": "size + 1"}, "unknown field 'size', expected one of shelf_id"),
        ({"boxes": "boxes +"}, "it does not parse"),
        ({"boxes": "rand()"}, "is not deterministic"),
        ({"boxes": 1}, "expression must be text, got 1: put it in quotes"),
        ({"boxes": None}, "expression must be text, got null: put it in quotes"),
    ],
)
def test_a_migration_out_of_form_is_refused(
    root: Path, write: Callable[..., Path], migrate: dict[str, Any], problem: str
) -> None:
    write(1)
    file = write(2, {"migrate": migrate})
    with pytest.raises(ContractError) as refused:
        load(root)
    name = next(iter(migrate))
    assert str(refused.value).startswith(f"{file}: migrate '{name}': ")
    assert problem in str(refused.value)
    assert (refused.value.version, refused.value.field) == (2, name)


def test_a_migration_reads_the_fields_of_the_version_before_only(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    write(2, {"fields.size": {"type": "int"}, "migrate": {"boxes": "size"}})
    with pytest.raises(ContractError, match="migrate 'boxes': expression 'size': unknown field 'size'"):
        load(root)
