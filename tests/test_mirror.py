"""Every module of the product is covered by the test that mirrors it, or is named by a wider one.

``X/Y.py`` is mirrored by ``tests/X/test_Y.py``. A test of several modules names them at the end of its docstring, in a
paragraph ``Covers: spark_jobs.landing.chunks, generator.changes.*``; a star stands for any letters.
"""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGES = ("config", "schema_registry", "generator", "spark_jobs", "serving")
#: Modules that no test runs, each with the reason.
WITHOUT = {
    "spark_jobs.cli.demo": "make demo runs it",
    "spark_jobs.demo.*": "make demo runs it",
    "spark_jobs.render.books": "make demo runs it",
}


def modules() -> dict[str, Path]:
    """Return the product's modules by dotted name; an ``__init__.py`` belongs to its package's tests."""
    paths = [path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.with_suffix("").parts): path for path in paths if path.name != "__init__.py"}


def patterns_of(test: Path) -> list[str]:
    """Return the names in the paragraph ``Covers:`` of a test's docstring."""
    docstring = ast.get_docstring(ast.parse(test.read_text("utf-8"))) or ""
    found = re.search(r"^Covers: (.*?)\.?(?:\n\n|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return re.split(r",\s+", found[1]) if found else []


def covered_by() -> dict[str, Path]:
    """Return each pattern that a test names, and one test that names it."""
    return {pattern: test for test in sorted(TESTS.rglob("test_*.py")) for pattern in patterns_of(test)}


def is_mirrored(path: Path) -> bool:
    return (TESTS / path.parent / f"test_{path.stem}.py").exists()


def test_every_module_has_its_test_or_is_named_by_a_wider_one() -> None:
    patterns = [*covered_by(), *WITHOUT]
    missing = [
        name
        for name, path in modules().items()
        if not is_mirrored(path) and not any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
    assert missing == [], "write tests/X/test_Y.py, or name the module in the docstring of the test that covers it"


def test_every_name_in_a_docstring_is_one_of_a_module() -> None:
    names = modules()
    stale = {
        pattern: str(test.relative_to(ROOT))
        for pattern, test in covered_by().items()
        if not any(fnmatchcase(name, pattern) for name in names)
    }
    assert stale == {}
    assert [pattern for pattern in WITHOUT if not any(fnmatchcase(name, pattern) for name in names)] == []
