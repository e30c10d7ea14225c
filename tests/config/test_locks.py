"""The locks of packages: every file pinned by a hash, and in step with pyproject.toml, so that `make lock` is not forgotten."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "config" / "locks"
PYTHONS = ("3.11", "3.12")


def pins(lock: str) -> list[tuple[Requirement, int]]:
    """Return the pins of a lock, each with its number of hashes."""
    entries = re.split(r"\n(?=\S)", (LOCKS / lock).read_text(encoding="utf-8").strip())
    return [(Requirement(entry.split("\\")[0].strip()), entry.count("--hash=sha256:")) for entry in entries]


def wanted(*extras: str) -> list[Requirement]:
    """Return the requirements of pyproject.toml, with those of the extras that an extra names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    own = [Requirement(text) for text in texts]
    within = [extra for one in own if one.name == "tallylake" for extra in one.extras]
    return [one for one in own if one.name != "tallylake"] + (wanted(*within) if within else [])


@pytest.mark.parametrize("lock", ["build.txt", "core.txt", "dev.txt"])
def test_every_package_is_pinned_to_one_version_by_hashes(lock: str) -> None:
    for pin, hashes in pins(lock):
        assert str(pin.specifier).startswith("=="), pin
        assert hashes > 0, pin


@pytest.mark.parametrize(("lock", "extras"), [("core.txt", ("serving", "java")), ("dev.txt", ("dev",))])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_has_what_the_project_asks_for(lock: str, extras: tuple[str, ...], python: str) -> None:
    here: dict[str, Any] = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    locked = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin, _ in pins(lock)
        if pin.marker is None or pin.marker.evaluate(here)
    }
    missing = [
        str(one) for one in wanted(*extras) if not one.specifier.contains(locked.get(canonicalize_name(one.name), "0"))
    ]
    assert missing == [], "run make lock"


def test_both_locks_agree_on_the_packages_that_both_have() -> None:
    core = {str(pin) for pin, _ in pins("core.txt")}
    names = {pin.name for pin, _ in pins("core.txt")}
    assert {str(pin) for pin, _ in pins("dev.txt") if pin.name in names} <= core
