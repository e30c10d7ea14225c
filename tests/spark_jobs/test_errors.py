"""The tree of errors at the top of errors.py is the real one, and one base gives every command's error its exit code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from spark_jobs import errors

ROOT = Path(errors.__file__).parents[1]
PACKAGES = ("config", "schema_registry", "generator", "spark_jobs", "serving")
LINE = re.compile(r"^([│├└─ ]*)(\w+Error)\b", re.MULTILINE)
TREE, _, OUTSIDE = (errors.__doc__ or "").partition("Caught before")


def written() -> dict[str, ast.ClassDef]:
    """Every class of the packages whose name, or a base's name, ends as an exception's does."""
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    nodes = [node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    return {
        node.name: node
        for node in nodes
        if isinstance(node, ast.ClassDef) and any(is_exception(name) for name in (node.name, *bases(node)))
    }


def bases(node: ast.ClassDef) -> list[str]:
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def is_exception(name: str) -> bool:
    return name.endswith(("Error", "Exception"))


def drawn() -> dict[str, str | None]:
    """Each class of the drawing with the one above it."""
    parents: dict[str, str | None] = {}
    open_: list[tuple[int, str]] = []
    for indent, name in LINE.findall(TREE):
        open_ = [(depth, above) for depth, above in open_ if depth < len(indent)]
        parents[name] = open_[-1][1] if open_ else None
        open_.append((len(indent), name))
    return parents


def test_every_error_that_reaches_the_command_line_is_drawn_under_its_base_and_no_other() -> None:
    classes, caught = written(), set(re.findall(r"\w+Error\b", OUTSIDE))
    found = {name: bases(node)[0] for name, node in classes.items() if name not in caught and name != "TallyError"}
    assert {"TallyError": None, **found} == drawn()


def test_an_error_that_is_said_to_be_caught_before_is_none_of_the_tree() -> None:
    caught = set(re.findall(r"\w+Error\b", OUTSIDE))
    assert caught <= written().keys()
    assert not caught & drawn().keys()


def test_exit_codes_are_given_where_the_drawing_gives_them() -> None:
    given = {
        name: {line.value.value for line in node.body if is_exit_code(line)}  # type: ignore[attr-defined]
        for name, node in written().items()
    }
    assert {name: codes for name, codes in given.items() if codes} == {"TallyError": {1}, "UsageError": {2}}


def is_exit_code(line: ast.stmt) -> bool:
    return isinstance(line, ast.Assign) and [getattr(name, "id", "") for name in line.targets] == ["exit_code"]


@pytest.mark.parametrize("error", [errors.BusyError, errors.RuleError])
def test_wrong_usage_is_exit_code_2(error: type[errors.TallyError]) -> None:
    assert (error.exit_code, errors.StreamFailedError.exit_code) == (2, 1)
