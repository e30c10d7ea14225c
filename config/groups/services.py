"""Settings of what is connected to: Postgres, the API with its dashboard, and Kafka."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from config.forms import duration, folder, matching, one_of, secret, share, whole
from config.groups.variable import setting

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from config.forms import Secret

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
