"""The stream of landed files from Spark's file source, and the names of one file: Spark's, the tables', the disk's.

Only the names come from Spark. Contents are read later, by ``land_files``, each file by its own header.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: The endings of files that are read; all others are left alone.
ENDINGS = (".csv", ".jsonl", ".csv.gz", ".jsonl.gz")
SCHEMA = "path string, modificationTime timestamp, length long, content binary"
#: Spark's file source ignores files that are older than the newest by more than this: never, here.
FOR_EVER = "3650000d"
#: Characters in a folder's path that Spark would take for a pattern.
GLOB = re.compile(r"[\\{}\[\]*?]")


def landing_stream(spark: SparkSession, landing_root: Path, subject: str, max_batch_bytes: int) -> DataFrame:
    """Return a stream of (path, modificationTime, length): each file of a subject once, oldest first.

    A batch takes up to ``max_batch_bytes`` of files. The subject's folder is made where it is not there.
    """
    folder = subject_folder(landing_root, subject)
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


def absolute_root(landing_root: Path) -> Path:
    """Return the landing root as Spark's file source names it: absolute, without dots, and with links as they are.

    So a file keeps its name where a link on the way to the root is turned elsewhere between two batches.
    """
    return Path(os.path.normpath(landing_root.absolute()))


def subject_folder(landing_root: Path, subject: str) -> Path:
    """Return the folder of a subject's landed files, as Spark names it."""
    return absolute_root(landing_root) / subject


def local_path(path: str) -> Path:
    """Return the path that Spark's file source names as ``file:/…``. Nothing in it is escaped: % # and ? stand for themselves."""
    return Path(path.removeprefix("file:"))


def source_of(path: Path, landing_root: Path) -> str:
    """Return a landed file's name in the tables: its path from LANDING_ROOT on, the subject first."""
    return path.relative_to(absolute_root(landing_root)).as_posix()


def path_of(source: str, landing_root: Path) -> str:
    """Return the path, as Spark names it, of the file that the tables call ``source``."""
    return str(absolute_root(landing_root) / source)
