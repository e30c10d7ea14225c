"""Files, modules, pages and headings that the documents name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docker/*.md")]
#: Its releases name what was there when they were made.
PAGES.remove(ROOT / "CHANGELOG.md")
PACKAGES = ("benchmarks", "config", "docker", "docs", "generator", "schema_registry", "serving", "spark_jobs", "tests")
#: What a reader makes by following the README.
MADE_BY_READERS = {"tests/test_bike_rides.py"}
FILE = re.compile(r"(?<![\w/.<>…*-])(?:(?:[\w-]+/)*[\w-]+\.(?:py|sh|svg|toml|conf)|(?:[\w-]+/)+[\w-]+\.sql)\b")
MODULE = re.compile(r"\b(?:spark_jobs|config|schema_registry|generator|serving)(?:\.\w+)+")
#: A file, and a name that is said to stand in it: `path.py`, `name`
STANDS_IN = re.compile(r"`([\w/]+\.py)`, `(\w+)`")
LINK = re.compile(r"\]\((?!http)([^)#\s]*)#?([^)\s]*)\)")


def code_in(text: str) -> list[str]:
    """What stands in backticks or is indented by four, or fenced."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^    .*", text, re.MULTILINE), *fenced]


def is_there(path: str, page: Path) -> bool:
    """A path from the root, from spark_jobs or from the page; a name without a folder may lie anywhere."""
    if any((folder / path).is_file() for folder in (ROOT, ROOT / "spark_jobs", page.parent)):
        return True
    return "/" not in path and any(found for package in PACKAGES for found in (ROOT / package).rglob(path))


def is_module(name: str) -> bool:
    """A module, or a name that stands in one."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:size])
        for source in (base.with_suffix(".py"), base / "__init__.py"):
            if source.is_file():
                text = source.read_text(encoding="utf-8")
                return all(re.search(rf"\b{part}\b", text) for part in parts[size:])
    return False


def stands_in(name: str, path: str) -> bool:
    """True if a file, by its path from the root or from spark_jobs, has that word."""
    sources = [folder / path for folder in (ROOT, ROOT / "spark_jobs") if (folder / path).is_file()]
    return any(re.search(rf"\b{name}\b", source.read_text(encoding="utf-8")) for source in sources)


def headings(page: Path) -> set[str]:
    """The headings of a page as links spell them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join(code_in(text))
    missing = [path for path in FILE.findall(code) if path not in MADE_BY_READERS and not is_there(path, page)]
    missing += [name for name in MODULE.findall(code) if not FILE.fullmatch(name) and not is_module(name)]
    missing += [f"{name} in {path}" for path, name in STANDS_IN.findall(text) if not stands_in(name, path)]
    for path, anchor in LINK.findall(text):
        target = page.parent / path if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in headings(target)):
            missing.append(f"{path}#{anchor}")
    assert not missing
