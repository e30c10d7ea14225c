"""The landing folder as a stream of file names. Contents are read later, by ``land``, each file by its own header."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.landing.open_file import REFUSALS, kind_of, visible_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

ENDINGS = (".csv", ".jsonl", ".csv.gz", ".jsonl.gz")
SCHEMA = "path string, modificationTime timestamp, length long, content binary"
#: Spark's file source ignores files that are older than the newest by more than this: never, here.
FOR_EVER = "3650000d"
#: What Spark would take for a pattern in the path of a folder.
GLOB = re.compile(r"[\\{}\[\]*?]")
EMPTY_FOLDER = "a folder, with no file in it"


def landing_stream(spark: SparkSession, folder: Path, max_batch_bytes: int) -> DataFrame:
    """A stream of (path, modificationTime, length): every file once, oldest first, up to that many bytes a batch."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        spark.readStream.format("binaryFile")
        .schema(SCHEMA)
        .option("pathGlobFilter", "[!._]*{" + ",".join(ENDINGS) + "}")
        .option("recursiveFileLookup", "true")
        .option("maxFileAge", FOR_EVER)
        .option("maxBytesPerTrigger", str(max_batch_bytes))
        .load(GLOB.sub(r"\\\g<0>", str(folder)))
        .select("path", "modificationTime", "length")
    )


def absolute_root(landing: Path) -> Path:
    """The landing root as Spark's file source names it: absolute, without dots, and links as they are.

    So a file keeps its name where a link on the way to the root is turned elsewhere between two batches.
    """
    return Path(os.path.normpath(landing.absolute()))


def local_path(path: str) -> Path:
    """The path that Spark's file source names as ``file:/…``: nothing in it is escaped, so % # and ? are themselves."""
    return Path(path.removeprefix("file:"))


@dataclass(frozen=True, slots=True)
class LandingEntry:
    """What lies in a landing folder: a file to read, or one that is set aside or not of our endings.

    ``name``: where, from the folder on; bytes of it that are no UTF-8 as \\xNN. ``set_aside_reason``: why it is not read, if so.
    """

    name: str
    bytes: int = 0
    modified_ms: int = 0
    set_aside_reason: str | None = None
    other_ending: bool = False


def list_folder(folder: Path) -> Iterator[LandingEntry]:
    """All that lies in the folder and in folders within; hidden ones are left out, and no link is followed."""
    hollow: dict[str, LandingEntry] = {}
    below = [""]
    while below:
        at = below.pop()
        try:
            entries = _entries(folder / at)
        except OSError as error:
            hollow.pop(at[:-1], None)
            yield from _unlisted(at, error)
            continue
        for entry in entries:
            name = at + entry.name
            if entry.is_dir(follow_symlinks=False):
                below.append(f"{name}/")
                hollow |= (
                    {name: LandingEntry(_shown(name), set_aside_reason=EMPTY_FOLDER)} if name.endswith(ENDINGS) else {}
                )
            elif (one := _found(name, entry)) is not None:
                _fill(hollow, name)
                yield one
    yield from hollow.values()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((one for one in entries if not one.name.startswith((".", "_"))), key=lambda one: one.name)


def _fill(hollow: dict[str, LandingEntry], name: str) -> None:
    """The folders that a file lies in are not hollow."""
    for end in (place for place, letter in enumerate(name) if letter == "/"):
        hollow.pop(name[:end], None)


def _unlisted(at: str, error: OSError) -> Iterator[LandingEntry]:
    """A folder within that cannot be listed; one that is gone, or the folder itself where it is not there, is nothing."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return
    if not at or error.errno not in REFUSALS:
        raise error
    yield LandingEntry(
        _shown(at.rstrip("/")), set_aside_reason=f"a folder: {REFUSALS[error.errno].replace('read', 'list')}"
    )


def _found(name: str, entry: os.DirEntry[str]) -> LandingEntry | None:
    """One entry that is no folder; None where it is gone by now."""
    ours = name.endswith(ENDINGS)
    try:
        stat_ = entry.stat(follow_symlinks=False)
        regular = stat.S_ISREG(stat_.st_mode)
        if not ours and not (entry.is_symlink() and _leads_to_folder(entry)):
            return LandingEntry(_shown(name), other_ending=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        return (
            LandingEntry(_shown(name), set_aside_reason=REFUSALS[error.errno])
            if ours
            else LandingEntry(_shown(name), other_ending=True)
        )
    why = None if regular else kind_of(stat_.st_mode)
    if regular and _shown(name) != name:
        why = "its name is no UTF-8"
    return LandingEntry(_shown(name), stat_.st_size if regular else 0, stat_.st_mtime_ns // 1_000_000, why)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _shown(name: str) -> str:
    return visible_text(os.fsencode(name))
