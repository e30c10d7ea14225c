"""Settings of a run: folders, the stream, limits of files, lateness, retries, logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from config.forms import duration, folder, master, one_of, size, whole
from config.groups.variable import setting

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lake:
    """Folders; relative paths start at the working directory."""

    root: Path = setting("LAKE_ROOT", "data/lake", folder(), "Tables and checkpoints of the lake.")
    landing: Path = setting("LANDING_ROOT", "data/input", folder(), "Files to take in, a folder for each subject.")
    logs: Path = setting("LOG_ROOT", "data/logs", folder(), "Log files.")
    contracts: Path = setting(
        "CONTRACTS_ROOT", "schema_registry/contracts", folder(), "Contracts, a folder for each subject."
    )


@dataclass(frozen=True, slots=True)
class Streaming:
    """The stream."""

    trigger_interval: timedelta = setting(
        "TRIGGER_INTERVAL",
        "10 seconds",
        duration("0 ms", "1 day"),
        "Time from one look for new files to the next; their rows are judged and published at once.",
    )
    master: str = setting(
        "SPARK_MASTER", "local[*]", master(), "Where Spark runs; under spark-submit --master decides."
    )
    max_batch_bytes: int = setting(
        "MAX_BATCH_BYTES", "256m", size("1k", "1t"), "Most bytes of new files that one batch takes."
    )
    driver_memory: int = setting(
        "DRIVER_MEMORY",
        "4g",
        size("512m", "1t"),
        "Heap of Spark's driver; under spark-submit --driver-memory decides.",
    )
    stalled_after: timedelta = setting(
        "STALLED_AFTER",
        "10 minutes",
        duration("1 second", "30 days"),
        "How long a batch may be at one step before it is reported as stalled.",
    )
    stop_patience: timedelta = setting(
        "STOP_PATIENCE",
        "10 minutes",
        duration("0 ms", "1 day"),
        "How long batches under way may take to finish once a stop is requested; then the stream ends without them.",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a landed file; what is beyond them is kept whole, as dead letters with the reason too_large."""

    header_bytes: int = setting("MAX_HEADER_BYTES", "64k", size("1k", "16m"), "Bytes of a CSV header.")
    columns: int = setting("MAX_COLUMNS", "1000", whole(1, 100_000), "Columns of a CSV file, or fields of a JSON line.")
    name_length: int = setting("MAX_NAME_LENGTH", "256", whole(1, 1_000_000), "Characters of a column's name.")
    reasons: int = setting(
        "MAX_REASONS", "100", whole(1, 10_000), "Reasons kept of a row that could not be read; one more says how many."
    )
    detail_length: int = setting(
        "MAX_DETAIL_LENGTH", "1000", whole(100, 100_000), "Characters of a reason's detail; the rest is cut."
    )
    line_bytes: int = setting("MAX_LINE_BYTES", "8m", size("1k", "256m"), "Bytes of one line.")
    piece_bytes: int = setting(
        "MAX_PIECE_BYTES", "1m", size("1k", "64m"), "Bytes of a piece, where what cannot be read is kept in pieces."
    )
    unpacked_bytes: int = setting("MAX_UNPACKED_BYTES", "16g", size("1k", "1024t"), "Bytes that a .gz may unpack to.")
    unpack_ratio: int = setting(
        "MAX_UNPACK_RATIO", "200", whole(1, 2_000), "Times its size that a .gz may unpack to, once that is over 64 MiB."
    )


@dataclass(frozen=True, slots=True)
class DataQuality:
    """Lateness, and times in the future."""

    watermark_delay: timedelta = setting(
        "WATERMARK_DELAY", "10 minutes", duration(), "How far an event may lie behind the newest before it is late."
    )
    allowed_clock_skew: timedelta = setting(
        "ALLOWED_CLOCK_SKEW", "5 minutes", duration(), "How far an event may lie ahead of the time it came in."
    )
    late_policy: Literal["flag", "dead_letter"] = setting(
        "LATE_POLICY",
        "flag",
        one_of("flag", "dead_letter"),
        "Late rows are accepted and flagged, or refused.",
    )


@dataclass(frozen=True, slots=True)
class Retry:
    """Retries where something outside fails."""

    attempts: int = setting("RETRY_ATTEMPTS", "5", whole(1, 100), "Quick attempts with growing waits.")
    first_wait: timedelta = setting(
        "RETRY_FIRST_WAIT",
        "1 second",
        duration("1 ms", "1 hour"),
        "Wait after the first failure; then it doubles.",
    )
    longest_wait: timedelta = setting(
        "RETRY_LONGEST_WAIT", "1 minute", duration("1 ms", "1 day"), "The longest wait between two attempts."
    )
    give_up: Literal["on", "off"] = setting(
        "RETRY_GIVE_UP",
        "off",
        one_of("on", "off"),
        "Whether a subject is given up after RETRY_ATTEMPTS, instead of tried again every RETRY_LONGEST_WAIT.",
    )


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Logging."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "LOG_LEVEL", "INFO", one_of("DEBUG", "INFO", "WARNING", "ERROR"), "The least level that is logged."
    )
