"""Errors of Spark's queries in one sentence: its own messages come with all their stacks."""

from __future__ import annotations

from contextlib import suppress

from pyspark import SparkContext

#: Spark's error code for a file that a table's log names and that is not there.
FILE_NOT_EXIST = "FAILED_READ_FILE.FILE_NOT_EXIST"
VACUUMED = (
    "files of Bronze that were still to be judged are gone, as by a VACUUM while the stream rested: restore them, or delete "
    "the refine checkpoint of this subject, and all of Bronze is read again; what was judged before becomes a duplicate of itself"
)


def cause(failure: str) -> str:
    """Return the last line of Spark's message, with all its stacks, that names the error of the batch."""
    lines = [line.strip().removeprefix(": ") for line in failure.split("=== Streaming Query ===")[0].splitlines()]
    said = [line for line in lines if line and not line.startswith(("at ", "... "))]
    if FILE_NOT_EXIST in failure:
        return VACUUMED
    errors = [line for line in said if "Error" in line.split(":")[0] or "Exception" in line.split(":")[0]]
    return (errors or said or ["unknown"])[-1][:500]


def silence() -> None:
    """Keep the JVM from logging, with all stacks, the batches that it loses as the process ends."""
    with suppress(Exception):
        context = SparkContext._active_spark_context
        if context is not None:
            context.setLogLevel("OFF")
