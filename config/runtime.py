"""Find the project's root, Spark configuration, jars and a Java for Spark. Nothing is changed here.

`config.setup_runtime` installs what is missing under .runtime.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import JavaNotFoundError, MissingJarsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = ROOT / ".runtime"
JARS = RUNTIME / "jars"
JAVA = RUNTIME / "java"
LOCK = ROOT / "config" / "jars.lock"
DEFAULTS = ROOT / "config" / "spark-defaults.conf"

OLDEST_JAVA, NEWEST_JAVA = 17, 25


@dataclass(frozen=True, slots=True)
class Java:
    """A Java: its program, its home if it has one, its major version (0 if it does not run), and where it was found."""

    program: Path
    home: Path | None
    version: int
    named_by: str

    @property
    def fits(self) -> bool:
        """True if Spark runs on it."""
        return OLDEST_JAVA <= self.version <= NEWEST_JAVA


def find_java(env: Mapping[str, str] | None = None, own: Path = JAVA) -> Java:
    """Return the first Java that Spark can run on: of JAVA_HOME, PATH, then the project. JavaNotFoundError if there is none."""
    seen: list[str] = []
    for java in _javas(os.environ if env is None else env, own):
        if java.fits:
            return java
        seen.append(f"{java.named_by} has {f'Java {java.version}' if java.version else 'none that runs'}")
    found = f" ({', '.join(seen)})" if seen else ""
    raise JavaNotFoundError(
        f"Spark needs Java {OLDEST_JAVA} to {NEWEST_JAVA} and none was found{found}: run `make setup` or set JAVA_HOME."
    )


def locked_jars(lock: Path = LOCK) -> dict[str, str]:
    """Return the SHA-256 of each jar that Spark is started with, by file name."""
    lines = [line.split() for line in lock.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return {name: digest for digest, name in lines}


def require_jars(folder: Path = JARS) -> None:
    """Raise MissingJarsError unless all locked jars are in `folder` with their locked sums: Spark runs the code in them."""
    missing = [name for name in locked_jars() if not (folder / name).is_file()]
    if missing:
        raise MissingJarsError(
            missing, f"{len(missing)} of Delta Lake's jars are not in {folder} (first: {missing[0]}): run `make setup`."
        )
    changed = [name for name, digest in locked_jars().items() if not has_sum(folder / name, digest)]
    if changed:
        raise MissingJarsError(
            changed,
            f"{folder / changed[0]} has not the SHA-256 of config/jars.lock, so it is not used: run `make setup`.",
        )


def has_sum(file: Path, digest: str) -> bool:
    """True if the file exists and has this SHA-256."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest


def spark_defaults(file: Path = DEFAULTS, root: Path = ROOT) -> dict[str, str]:
    """Return the properties of the file, with the paths of jars and of the log configuration as absolute URLs."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    conf = {key: value.strip() for key, value in pairs}
    conf["spark.jars"] = ",".join((root / jar).as_uri() for jar in conf["spark.jars"].split(","))
    option, _, log4j = conf["spark.driver.extraJavaOptions"].partition("=")
    conf["spark.driver.extraJavaOptions"] = f"{option}={(root / log4j).as_uri()}"
    return conf


def _javas(env: Mapping[str, str], own: Path) -> Iterator[Java]:
    """Yield the Javas to try, in order of preference."""
    if env.get("JAVA_HOME"):
        yield _java(Path(env["JAVA_HOME"]) / "bin" / "java", "JAVA_HOME")
    on_path = shutil.which("java", path=env.get("PATH", ""))
    if on_path:
        yield _java(Path(on_path), "PATH")
    if (own / "bin" / "java").is_file():
        yield _java(own / "bin" / "java", ".runtime/java")


def _java(program: Path, named_by: str) -> Java:
    real = program.resolve()
    home = real.parents[1] if real.parent.name == "bin" else None
    return Java(program, home, _version_of_release(home) or _version_of_program(program), named_by)


def _version_of_release(home: Path | None) -> int:
    """Return the version in the `release` file of a Java's home; 0 if there is none. Starting it would take longer."""
    if home is None or not (home / "release").is_file() or not (home / "bin" / "java").is_file():
        return 0
    return _major(r'JAVA_VERSION="', (home / "release").read_text(encoding="utf-8", errors="replace"))


def _version_of_program(program: Path) -> int:
    """Return the version that ``java -version`` prints; 0 if it does not run."""
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return _major(r'version "', done.stderr)


def _major(before: str, text: str) -> int:
    """Return the major version after ``before``: 17 for 17.0.15, and 8 for 1.8.0."""
    found = re.search(before + r"(?:1\.)?(\d+)", text)
    return int(found[1]) if found else 0
