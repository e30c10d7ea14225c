"""The hooks of .pre-commit-config.yaml run what `make check` runs, and hold commit titles to their length."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))


def hooks(stage: str) -> list[dict[str, Any]]:
    found = [hook for repo in CONFIG["repos"] for hook in repo["hooks"]]
    return [hook for hook in found if hook.get("stages", CONFIG["default_stages"]) == [stage]]


def test_a_commit_is_checked_as_make_check_does_and_all_of_it() -> None:
    (recipe,) = re.findall(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    commands = [line.strip().lstrip("@").replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    assert [hook["entry"] for hook in hooks("pre-commit")] == commands
    assert not any(hook["pass_filenames"] for hook in hooks("pre-commit"))


@pytest.mark.parametrize(("title", "code"), [("é" * 72, 0), ("é" * 73, 1), ("short\n\n" + "x" * 100, 0)])
def test_a_title_has_at_most_72_characters(tmp_path: Path, title: str, code: int) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text(f"{title}\n", encoding="utf-8")
    (hook,) = hooks("commit-msg")
    python, *arguments = shlex.split(hook["entry"])
    assert python == ".venv/bin/python"
    assert subprocess.run([sys.executable, *arguments, message], capture_output=True, check=False).returncode == code
