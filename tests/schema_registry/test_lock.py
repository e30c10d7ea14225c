"""schema_registry.lock: freezing versions, and what changes a fingerprint.

Covers: schema_registry.fingerprint.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from schema_registry import lock
from schema_registry.errors import ContractError
from schema_registry.fingerprint import fingerprint
from schema_registry.registry import load, load_subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def frozen_v1(root: Path, write: Callable[..., Path]) -> Path:
    """The folder of a subject with v1 frozen and v2 a draft."""
    folder = root / "shelves"
    write(1)
    lock.freeze(folder, load_subject(folder))
    write(2)
    return folder


def fingerprint_of(root: Path) -> str:
    return fingerprint(load(root).subject("shelves").latest)


def test_freezing_writes_one_line_per_version(root: Path, write: Callable[..., Path]) -> None:
    folder = root / "shelves"
    write(1)
    write(2)
    subject = load_subject(folder)
    assert subject.frozen == ()
    assert lock.freeze(folder, subject) == (1, 2)
    lines = "".join(f"v{each.version} {fingerprint(each)}\n" for each in subject.contracts)
    assert (folder / "fingerprints.lock").read_text(encoding="utf-8") == lines
    assert load_subject(folder).frozen == (1, 2)


def test_freezing_twice_changes_nothing(frozen_v1: Path) -> None:
    lock.freeze(frozen_v1, load_subject(frozen_v1))
    before = (frozen_v1 / "fingerprints.lock").read_bytes()
    assert lock.freeze(frozen_v1, load_subject(frozen_v1)) == ()
    assert (frozen_v1 / "fingerprints.lock").read_bytes() == before
    assert sorted(each.name for each in frozen_v1.iterdir()) == ["fingerprints.lock", "v1.yaml", "v2.yaml"]


def test_freezing_appends_to_what_is_there(frozen_v1: Path) -> None:
    first = (frozen_v1 / "fingerprints.lock").read_text(encoding="utf-8")
    assert lock.freeze(frozen_v1, load_subject(frozen_v1)) == (2,)
    assert (frozen_v1 / "fingerprints.lock").read_text(encoding="utf-8").startswith(first)


def test_a_draft_may_change(frozen_v1: Path, write: Callable[..., Path], root: Path) -> None:
    write(2, {"fields.boxes.min": -5})
    subject = load(root).subject("shelves")
    assert (subject.frozen, subject.latest.version) == ((1,), 2)


def test_a_changed_frozen_version_is_refused(frozen_v1: Path, write: Callable[..., Path], root: Path) -> None:
    file = write(1, {"fields.boxes.min": -5})
    with pytest.raises(ContractError) as refused:
        load(root)
    assert str(refused.value) == (f"{file}: v1.yaml is frozen: restore it, or put the change in v3.yaml")
    assert (refused.value.subject, refused.value.version) == ("shelves", 1)


def test_a_version_changed_since_it_was_loaded_is_not_frozen_over(
    frozen_v1: Path, write: Callable[..., Path], root: Path
) -> None:
    subject = load_subject(frozen_v1)
    (frozen_v1 / "fingerprints.lock").write_text(f"v1 {'0' * 64}\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"v1.yaml is frozen"):
        lock.freeze(frozen_v1, subject)


@pytest.mark.parametrize("gone", [("v1.yaml",), ("v1.yaml", "v2.yaml")])
def test_a_frozen_version_that_is_gone_is_refused(frozen_v1: Path, root: Path, gone: tuple[str, ...]) -> None:
    for name in gone:
        (frozen_v1 / name).unlink()
    with pytest.raises(ContractError, match=r"v1.yaml is frozen and gone: restore it"):
        load(root)


@pytest.mark.parametrize(
    "text",
    [
        "v1 abc\n",
        "v1\n",
        f"v2 {'0' * 64}\n",
        f"v1 {'0' * 64}\nv1 {'0' * 64}\n",
        f"1 {'0' * 64}\n",
        f"v1 {'G' * 64}\n",
        "\n",
    ],
)
def test_a_lock_out_of_form_is_refused(frozen_v1: Path, root: Path, text: str) -> None:
    (frozen_v1 / "fingerprints.lock").write_text(text, encoding="utf-8")
    with pytest.raises(
        ContractError, match=r"fingerprints.lock: line \d must be 'v\d <sha256>', got .*: restore the file"
    ):
        load(root)


def test_comments_docs_order_and_white_space_leave_the_fingerprint_alone(
    root: Path, write: Callable[..., Path]
) -> None:
    changes = {"fields.label.required_when": "boxes  >\n 0", "fields.colour.enum": ["blue", "red"]}
    file = write(1, {"fields.label.required_when": "boxes > 0"})
    before = fingerprint_of(root)
    file = write(1, {"doc": "New.", "fields.boxes.doc": "New.", "compatibility": "backward", **changes})
    text = file.read_text(encoding="utf-8").replace("min: 0", "min: 0.00 # none")
    file.write_text("# a comment\n" + text, encoding="utf-8")
    assert fingerprint_of(root) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"fields.boxes.min": 1},
        {"fields.boxes.required": True},
        {"fields.boxes.type": "bigint"},
        {"fields.colour.enum": ["red"]},
        {"fields.label.pattern": "a  b"},
        {"fields.size": {"type": "int"}},
        {"rules": [{"name": "boxes_weigh_something", "check": "boxes = 0 OR weight > 1"}]},
        {"derive": {}},
        {"compatibility": "full"},
        {"fields.seen_at.not_future": True},
    ],
)
def test_what_decides_about_rows_changes_the_fingerprint(
    root: Path, write: Callable[..., Path], changes: dict[str, Any]
) -> None:
    write(1)
    before = fingerprint_of(root)
    write(1, changes)
    assert fingerprint_of(root) != before


def test_white_space_inside_quotes_is_content(root: Path, write: Callable[..., Path]) -> None:
    write(1, {"fields.label.required_when": "colour <> 'a b'"})
    before = fingerprint_of(root)
    write(1, {"fields.label.required_when": "colour <> 'a  b'"})
    assert fingerprint_of(root) != before


def test_the_order_of_fields_changes_the_fingerprint(root: Path, write: Callable[..., Path], remove: object) -> None:
    write(1)
    before = fingerprint_of(root)
    file = write(1, {"fields.label": remove})
    text = file.read_text(encoding="utf-8").replace("fields:\n", "fields:\n  label:\n    type: string\n")
    file.write_text(text, encoding="utf-8")
    assert fingerprint_of(root) != before


def test_thirty_eight_digits_count(root: Path, write: Callable[..., Path]) -> None:
    wide = {"fields.weight.type": "decimal(38,0)"}
    write(1, {**wide, "fields.weight.max": 10**37 + 1})
    before = fingerprint_of(root)
    write(1, {**wide, "fields.weight.max": 10**37 + 2})
    assert fingerprint_of(root) != before


def test_the_subject_has_a_fingerprint_as_of_each_version(root: Path, write: Callable[..., Path]) -> None:
    write(1)
    first = load(root).subject("shelves").fingerprint
    write(2)
    subject = load(root).subject("shelves")
    assert subject.fingerprint_at(1) == first
    assert subject.fingerprint_at(2) == subject.fingerprint != first
    line = f"v1 {fingerprint(subject.contracts[0])}\n"
    assert first == hashlib.sha256(line.encode()).hexdigest()
