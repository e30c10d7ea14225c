"""The landing folder as a stream of file names. Contents are read later, by ``land``, each file by its own header."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

ENDINGS = (".csv", ".jsonl", ".csv.gz", ".jsonl.gz")
SCHEMA = "path string, modificationTime timestamp, length long, content binary"
#: Spark's file source ignores files that are older than the newest by more than this: never, here.
FOR_EVER = "36500d"


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
        .load(str(folder))
        .select("path", "modificationTime", "length")
    )


def local_path(path: str) -> Path:
    """The path that Spark's file source names as ``file:/…``: nothing in it is escaped, so % # and ? are themselves."""
    return Path(path.removeprefix("file:"))


def waiting_files(folder: Path) -> Iterator[Path]:
    """The files in the folder that landing would read; hidden, half-written and foreign ones are not among them."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if not hidden and path.name.endswith(ENDINGS) and path.is_file():
            yield path
