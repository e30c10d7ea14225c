"""Models of the pipeline's own figures: books, validity, reasons, dead letters, and the state of tables and streams."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from serving.models.common import ApiModel


class Counts(ApiModel):
    """Counts of rows read: rows_read = accepted + duplicate + dead_letter + control + unaccounted; late are among accepted."""

    rows_read: int
    accepted: int = Field(description="Good rows that are in the lake, the late ones among them.")
    late: int = Field(description="Accepted rows whose event is older than the watermark.")
    duplicate: int = Field(description="Rows that repeat one that was accepted, kept with the row that they repeat.")
    dead_letter: int = Field(description="Rows that were refused, kept with all their reasons.")
    control: int = Field(description="Messages that carry no row, such as Kafka's tombstones; files have none.")
    unaccounted: int = Field(description="Rows read that none of these counts has: always 0, as Tallylake promises.")
    validity: float | None = Field(description="Share of rows read that were not refused; null where none was read.")


class SubjectStatus(Counts):
    """A subject since its beginning, and its newest batch."""

    subject: str
    batches: int
    watermark: datetime | None = Field(description="Events older than this are late; of the newest batch.")
    max_event_time: datetime | None = Field(description="The newest event that was accepted.")
    last_batch_at: datetime | None = Field(description="When the newest batch was finished.")
    last_duration_seconds: float | None


class Totals(Counts):
    """All subjects together."""

    batches: int


class TableStatus(ApiModel):
    """A published table: the version of the lake's table that it shows, and its lag behind the lake."""

    lake_table: str
    table: str
    version: int | None = Field(description="Null before anything was published.")
    rows_written: int = Field(description="By the version that is shown.")
    rows_deleted: int = Field(description="By the version that is shown.")
    published_at: datetime | None
    lake_committed_at: datetime | None
    lag_seconds: float | None = Field(description="From the lake's commit to the commit in Postgres.")


class StreamStatus(ApiModel):
    """One query of a subject's stream: ingest (files to Bronze) or refine (Bronze to Silver, duplicates and dead letters)."""

    subject: str
    query: str
    state: str = Field(
        description="running, retrying, stalled, given_up or stopped; the three in the middle make no progress."
    )
    since: datetime | None = Field(description="Since when it makes no progress.")
    failures: int = Field(description="Failures one after the other.")
    error: str
    step: str = Field(description="The step at which a batch makes no progress.")
    heard_at: datetime = Field(description="When this was last reported; a minute ago and more, no publisher runs.")


class Targets(ApiModel):
    """The targets with which figures are compared."""

    validity: float
    freshness_seconds: float


class GoldRun(ApiModel):
    """The newest run that built the star and the marts."""

    run_number: int
    command: str | None
    status: str | None
    started_at: datetime | None
    finished_at: datetime | None
    dates_built: int
    dates_held: int


class Status(ApiModel):
    """The pipeline at a glance."""

    subjects: list[SubjectStatus]
    totals: Totals
    open_dead_letters: int
    tables: list[TableStatus]
    streams: list[StreamStatus]
    targets: Targets
    gold: GoldRun | None


class Batch(Counts):
    """The books of one batch."""

    subject: str
    query_id: str
    batch_id: int
    reasons: dict[str, int]
    min_event_time: datetime | None
    max_event_time: datetime | None
    watermark: datetime | None
    started_at: datetime | None
    duration_seconds: float | None
    input_files: int | None
    contract_fingerprint: str | None
    inserted: int | None
    updated: int | None
    deleted: int | None
    superseded: int | None
    unchanged: int | None


class QualityHour(Counts):
    """The books of an hour."""

    subject: str
    hour: datetime
    batches: int
    watermark: datetime | None
    average_duration_seconds: float | None


class Minute(ApiModel):
    """Rows read in a minute."""

    minute: datetime
    batches: int
    rows_read: int
    accepted: int
    late: int
    duplicate: int
    dead_letter: int


class ReasonCount(ApiModel):
    """The number of rows refused for a reason; a row may have several."""

    code: str
    field: str | None = Field(description="The field, or the name of the rule.")
    rows: int
    share: float | None = Field(description="Of all rows read.")


class Reason(ApiModel):
    """One reason why a row was refused."""

    code: str
    field: str | None
    detail: str | None


class DeadLetter(ApiModel):
    """A refused row, with its reasons: details are cut in lists, and so are the reasons after the fiftieth."""

    row_id: str
    subject: str
    reasons: list[Reason]
    reasons_left_out: int = Field(
        default=0, description="Reasons that a list does not show; `/dead-letters/{row_id}` shows them all."
    )
    schema_version: int | None
    source: str | None
    source_position: int | None = Field(description="Row of the file from 1, or offset.")
    dead_lettered_at: datetime | None
    status: str
    attempts: int | None


class WholeDeadLetter(DeadLetter):
    """A refused row as it came."""

    payload: dict[str, Any] | None
    raw: str | None = Field(description="The original text, where no payload could be read.")
    contract_fingerprint: str | None
    ingested_at: datetime | None
    batch_id: int | None
    query_id: str | None
