"""pyproject.toml states the version; whatever else states it agrees, or reads it from the installed package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_the_images_of_compose_have_the_version_of_the_project() -> None:
    compose = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"image: tallylake[a-z-]*:(\S+)", compose)) == {VERSION}


def test_the_newest_release_of_the_changelog_is_the_version_of_the_project() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(\d\S*)\]", changelog, flags=re.MULTILINE)[0] == VERSION
