"""Every setting, in groups: what its variable is called, means and looks like stands in one place, its field.

Whatever lists settings (`tally settings`, .env.example) is made from these; `config.settings.load` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from config.forms import (
    Form,
    Secret,
    duration,
    folder,
    master,
    matching,
    one_of,
    secret,
    share,
    size,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta
    from pathlib import Path


class Variable(NamedTuple):
    """What is known of a setting: its environment variable, default text (or none), form and meaning."""

    name: str
    default: str | None
    form: Form
    doc: str


def setting(name: str, default: str | None, form: Form, doc: str) -> Any:
    """A dataclass field that carries its `Variable`; its default is read from text as a variable would be."""
    value = None if default is None else form.read(default)
    return field(default=value, metadata={"variable": Variable(name, default, form, doc)})


@dataclass(frozen=True, slots=True)
class Lake:
    """Where things are on disk; relative paths start at the working directory."""

    root: Path = setting("LAKE_ROOT", "data/lake", folder(), "Tables and checkpoints of the lake.")
    landing: Path = setting("LANDING_ROOT", "data/input", folder(), "Files to take in, a folder for each subject.")
    logs: Path = setting("LOG_ROOT", "data/logs", folder(), "Log files.")
    contracts: Path = setting(
        "CONTRACTS_ROOT", "schema_registry/contracts", folder(), "Contracts, a folder for each subject."
    )


@dataclass(frozen=True, slots=True)
class Streaming:
    """How the stream runs."""

    trigger_interval: timedelta = setting(
        "TRIGGER_INTERVAL",
        "10 seconds",
        duration("0 ms", "1 day"),
        "Time from one look for new files to the next; what they bring is judged and published at once.",
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
        "How long a batch may be at one step before it is named as standing still.",
    )
    stop_patience: timedelta = setting(
        "STOP_PATIENCE",
        "10 minutes",
        duration("0 ms", "1 day"),
        "How long batches under way may take to finish once a stop is asked for; then the stream ends without them.",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a landed file may hold; what is beyond is kept whole, as dead letters with the reason too_large."""

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
    """What counts as late, and as too early."""

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
class Gold:
    """The star, the marts, and what holds a date's publication back."""

    holidays_country: str = setting(
        "HOLIDAYS_COUNTRY",
        "US",
        matching(r"[A-Z]{2}", "two capital letters (ISO 3166-1 alpha-2), such as US or BR"),
        "Whose holidays dim_date knows.",
    )
    top_products: int = setting("TOP_PRODUCTS", "10", whole(1, 10_000), "Products of a date that top_products ranks.")
    totals_tolerance: float = setting(
        "GATE_TOTALS_TOLERANCE", "0", share(), "Share of a date's orders whose lines may differ from the order's total."
    )
    volume_weeks: int = setting(
        "GATE_VOLUME_WEEKS", "8", whole(1, 520), "Weeks back whose same weekday makes a date's usual volume."
    )
    volume_min_weeks: int = setting(
        "GATE_VOLUME_MIN_WEEKS", "3", whole(1, 520), "Of these, how many need orders; with fewer, volume is not judged."
    )
    volume_tolerance: float = setting(
        "GATE_VOLUME_TOLERANCE", "0.5", share(), "Share by which a date's orders may differ from the usual volume."
    )


@dataclass(frozen=True, slots=True)
class Generator:
    """What `tally generate` writes when its options say nothing else."""

    seed: int = setting("GENERATOR_SEED", "42", whole(0, 2**63 - 1), "The same seed gives the same bytes.")
    fault_rate: float = setting("GENERATOR_FAULT_RATE", "0.02", share(), "Share of the rows that carry a fault.")
    rows: int = setting("GENERATOR_ROWS", "100", whole(1, 10_000_000), "Rows of a file.")
    every: timedelta = setting("GENERATOR_EVERY", "5 seconds", duration("0 ms", "1 day"), "Time between two files.")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and how patiently, something outside is tried again."""

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
    """What is logged."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "LOG_LEVEL", "INFO", one_of("DEBUG", "INFO", "WARNING", "ERROR"), "The least level that is logged."
    )


_WORD = matching(r"\S+", "a name without spaces")


@dataclass(frozen=True, slots=True)
class Database:
    """The Postgres that tables are published to; without a URL or a host, an embedded one under POSTGRES_ROOT."""

    publish: Literal["on", "off"] = setting(
        "PUBLISH", "on", one_of("on", "off"), "Whether `tally stream` publishes tables to Postgres as it goes."
    )
    raw_events: Literal["on", "off"] = setting(
        "PUBLISH_RAW_EVENTS", "on", one_of("on", "off"), "Whether rows as received are published too (raw_events)."
    )
    root: Path = setting("POSTGRES_ROOT", "data/postgres", folder(), "Where the embedded Postgres keeps its data.")
    url: Secret | None = setting(
        "DATABASE_URL",
        None,
        secret(r"postgres(ql)?://\S+", "postgresql://user:password@host:port/database"),
        "Everything in one; where it is set, the host, port, database, user and password below are not used.",
    )
    reader_url: Secret | None = setting(
        "DATABASE_READER_URL",
        None,
        secret(r"postgres(ql)?://\S+", "postgresql://user:password@host:port/database"),
        "How the API logs in, as one who may only read; without it, by the login above in the role tallylake_reader.",
    )
    host: str | None = setting("POSTGRES_HOST", None, _WORD, "Host name, or the folder of a socket.")
    port: int = setting("POSTGRES_PORT", "5432", whole(1, 65_535), "Port.")
    name: str = setting("POSTGRES_DB", "tallylake", _WORD, "Database.")
    user: str = setting("POSTGRES_USER", "tallylake", _WORD, "User.")
    password: Secret | None = setting("POSTGRES_PASSWORD", None, secret(), "Password.")
    schema: str = setting(
        "POSTGRES_SCHEMA",
        "tallylake",
        matching(
            r"(?!pg_|(public|information_schema)\Z)[a-z_][a-z0-9_]{0,62}",
            "up to 63 of a to z, 0 to 9 and _, beginning with no digit, and neither public, information_schema nor pg_…",
        ),
        "Schema of the published tables; nothing outside it is ever changed.",
    )
    statement_timeout: timedelta = setting(
        "POSTGRES_STATEMENT_TIMEOUT",
        "10 minutes",
        duration("1 second", "7 days"),
        "How long one statement of publishing may take before Postgres cancels it.",
    )


@dataclass(frozen=True, slots=True)
class Serving:
    """The API and the dashboard."""

    host: str = setting(
        "SERVE_HOST", "127.0.0.1", _WORD, "Address to listen on; any other than this machine's own needs API_KEY."
    )
    port: int = setting("SERVE_PORT", "8000", whole(0, 65_535), "Port to listen on; 0 takes a free one.")
    api_key: Secret | None = setting(
        "API_KEY", None, secret(r"\S{16,}", "at least 16 characters without spaces"), "What callers send as X-API-Key."
    )
    validity_target: float = setting(
        "VALIDITY_TARGET",
        "0.95",
        share(),
        "Share of rows read that should be valid; the dashboard marks what lies below.",
    )
    freshness_target: timedelta = setting(
        "FRESHNESS_TARGET",
        "5 minutes",
        duration("1 second"),
        "How old the newest batch may be before it counts as stale.",
    )


@dataclass(frozen=True, slots=True)
class Kafka:
    """The Kafka that changes come from; without servers only files are read."""

    bootstrap_servers: str | None = setting(
        "KAFKA_BOOTSTRAP_SERVERS",
        None,
        matching(r"[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*", "host:port, or several with commas between"),
        "The brokers to ask first.",
    )
    topic_prefix: str = setting(
        "KAFKA_TOPIC_PREFIX",
        "tallylake",
        matching(r"[A-Za-z0-9._-]{1,200}", "letters, digits, '.', '_' and '-'"),
        "What the names of the topics begin with.",
    )


GROUPS: Mapping[str, type[Any]] = {
    "lake": Lake,
    "streaming": Streaming,
    "limits": Limits,
    "data_quality": DataQuality,
    "gold": Gold,
    "generator": Generator,
    "retry": Retry,
    "monitoring": Monitoring,
    "database": Database,
    "serving": Serving,
    "kafka": Kafka,
}


def variables() -> Iterator[tuple[str, str, Variable]]:
    """Every setting's group, field name and `Variable`, in the order they are shown."""
    for group, kind in GROUPS.items():
        for one in fields(kind):
            yield group, one.name, one.metadata["variable"]
