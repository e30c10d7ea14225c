"""Files of the lake and of LANDING_ROOT are touched in three rooms only, so that another kind of storage can come in there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "spark_jobs"
ROOMS_WITH_FILES = ("storage", "microbatch", "landing")
#: Modules of other rooms that touch files, none of which is the lake's or lies in LANDING_ROOT as ingest finds it.
EXCEPTIONS = {
    "batch/audit/against_truth.py": "the truth that the generator wrote",
    "batch/audit/run.py": "the manifest that the generator wrote",
    "batch/gold/record.py": "the record of a run as JSON under LOG_ROOT, for people",
    "batch/report/file.py": "the report's page, which the user names",
    "demo/commands.py": "how tally is installed",
    "demo/own_folder.py": "the demo's own folder, which it makes anew as a whole",
    "demo/scenarios/shop.py": "plays the shop that writes files for ingest",
    "logs.py": "log files under LOG_ROOT",
    "publish/migrations/__init__.py": "SQL files of the package",
    "testing.py": "a temporary folder of a test",
}

#: Modules that do nothing but touch files or tables.
MODULES = {"shutil", "tempfile", "fcntl", "mmap", "pyarrow.parquet", "pyarrow.dataset", "deltalake"}
FUNCTIONS_OF_OS = {
    "access", "chmod", "fsync", "link", "listdir", "makedirs", "mkdir", "open", "readlink", "remove", "rename", "replace",
    "rmdir", "scandir", "stat", "symlink", "truncate", "unlink", "utime", "walk",
}  # fmt: skip
METHODS_OF_PATHS = {
    "chmod", "glob", "hardlink_to", "is_dir", "is_file", "is_symlink", "iterdir", "lstat", "mkdir", "open", "read_bytes",
    "read_text", "rename", "rglob", "rmdir", "stat", "symlink_to", "touch", "unlink", "write_bytes", "write_text",
}  # fmt: skip
#: Methods that a path has and others too: what is counted is a call with this many arguments and no named one.
ARGUMENTS_OF_PATHS = {"exists": 0, "replace": 1}


def touches(source: str) -> list[str]:
    """The imports and calls in a module's source that touch files, each with its line; imports for types alone are none."""
    tree = ast.parse(source)
    for_types = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    nodes = [node for node in ast.walk(tree) if id(node) not in for_types]
    return [f"{node.lineno}: {ast.unparse(node)}" for node in nodes if _imports_files(node) or _calls_files(node)]  # type: ignore[attr-defined]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _imports_files(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    elif isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
    else:
        return False
    return any(name == one or str(name).startswith(f"{one}.") for name in names for one in MODULES)


def _calls_files(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id == "open"
    if not isinstance(node.func, ast.Attribute):
        return False
    name, owner = node.func.attr, ast.unparse(node.func.value)
    if owner in ("os", "os.path"):
        return owner == "os.path" or name in FUNCTIONS_OF_OS
    if owner in ("pa", "pyarrow"):
        return name in ("memory_map", "OSFile")
    return name in METHODS_OF_PATHS or (ARGUMENTS_OF_PATHS.get(name) == len(node.args) and not node.keywords)


def modules_elsewhere() -> list[str]:
    names = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.rglob("*.py"))]
    return [name for name in names if name.split("/")[0] not in ROOMS_WITH_FILES]


def test_no_other_room_touches_files() -> None:
    found = {name: touches((ROOT / name).read_text(encoding="utf-8")) for name in modules_elsewhere()}
    assert {name: calls for name, calls in found.items() if calls and name not in EXCEPTIONS} == {}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_that_is_none_any_more_is_taken_off_the_list(name: str) -> None:
    assert touches((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "line",
    [
        "open('a')", "path.open('w')", "(root / 'a').read_text()", "lake.journal.unlink()", "part.exists()", "os.walk(root)",
        "temporary.replace(path)", "import shutil", "from deltalake import DeltaTable", "import pyarrow.parquet as pq",
        "from pyarrow import dataset", "os.path.exists(x)", "pa.memory_map(name)", "folder.glob('*.json')",
    ],
)  # fmt: skip
def test_what_touches_files_is_found(line: str) -> None:
    assert touches(line)


@pytest.mark.parametrize(
    "line",
    [
        "'a'.replace('b', 'c')", "moment.replace(tzinfo=UTC)", "F.exists(column, condition)", "os.getpid()", "exists(path)",
        "if TYPE_CHECKING:\n    from deltalake import DeltaTable", "from spark_jobs.storage.open_tables import open_table",
        "open_table(path)", "root.resolve()", "path.name",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_not(line: str) -> None:
    assert touches(line) == []
