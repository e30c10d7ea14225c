"""A small subject in a temporary folder, to be changed by each test: shelves, which hold a number of boxes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Mapping = dict[str, Any]

SHELVES: Mapping = {
    "subject": "shelves",
    "version": 1,
    "kind": "events",
    "key": ["shelf_id"],
    "event_time": "seen_at",
    "fields": {
        "shelf_id": {"type": "string", "required": True},
        "seen_at": {"type": "timestamp", "required": True},
        "boxes": {"type": "int", "min": 0},
        "weight": {"type": "decimal(10,2)"},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "label": {"type": "string"},
    },
    "rules": [{"name": "boxes_weigh_something", "check": "boxes = 0 OR weight > 0"}],
    "derive": {"heavy": {"type": "boolean", "expr": "weight > 100"}},
}

ITEMS: Mapping = {
    "subject": "shelves",
    "version": 1,
    "kind": "changes",
    "key": ["shelf_id"],
    "event_time": "event_ts",
    "sequence_by": "seq",
    "partial_updates": True,
    "tracked": ["label"],
    "entity": "shelf",
    "fields": {"shelf_id": {"type": "bigint", "required": True}, "label": {"type": "string"}},
    "rules": [{"name": "snapshots_have_a_label", "check": "op <> 'r' OR label IS NOT NULL"}],
}

REMOVE = object()


def amended(base: Mapping, changes: Mapping) -> Mapping:
    """A copy of `base` with dotted paths set ("fields.boxes.min": 1) or taken away (REMOVE)."""
    result = copy.deepcopy(base)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = result
        for name in parents:
            place = place.setdefault(name, {})
        if value is REMOVE:
            del place[last]
        else:
            place[last] = value
    return result


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry's folder with an empty folder for the subject `shelves`."""
    (tmp_path / "shelves").mkdir()
    return tmp_path


@pytest.fixture
def write(root: Path) -> Callable[..., Path]:
    """write(version, {path: value}) writes shelves/vN.yaml, the small subject with those changes."""

    def write_version(version: int = 1, changes: Mapping | None = None, base: Mapping = SHELVES) -> Path:
        file = root / "shelves" / f"v{version}.yaml"
        content = amended(base, {"version": version, **(changes or {})})
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return file

    return write_version


@pytest.fixture
def shelves() -> Mapping:
    """The small subject as a mapping."""
    return copy.deepcopy(SHELVES)


@pytest.fixture
def items() -> Mapping:
    """The small subject of kind changes as a mapping."""
    return copy.deepcopy(ITEMS)


@pytest.fixture
def remove() -> object:
    """The value that takes a key away."""
    return REMOVE
