"""Test a contract's rules: rows as text in, verdicts with reasons and typed values out, by the judge that refine runs.

    from spark_jobs.testing import judge_rows

    judged = judge_rows(spark, "contracts/bike_rides", [{"ride_id": "r-9", "minutes": "31", "fare": "0.10"}])
    judged.select("verdict", "reasons.code", "minutes", "fare")

Each row is judged by itself. Whether it is a duplicate or late depends on other rows, so no row here is either.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from schema_registry.contract import VERSION_COLUMN
from schema_registry.registry import Subject, load_subject
from spark_jobs.lake import Lake
from spark_jobs.landing.land_files import land_files
from spark_jobs.landing.landed_file import FileToLand
from spark_jobs.schemas import to_micros
from spark_jobs.storage.scans import read_parts
from spark_jobs.transforms.conform import conform
from spark_jobs.transforms.judge import JudgeOptions, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyspark.sql import DataFrame, SparkSession

CLOCK_SKEW = timedelta(minutes=5)
"""How far a row's time may lie ahead of ``ingested_at``: the default of ALLOWED_CLOCK_SKEW."""


def judge_rows(
    spark: SparkSession,
    subject: Subject | Path | str,
    rows: Iterable[Mapping[str, str | None]] | str,
    *,
    version: int | None = None,
    ingested_at: datetime | None = None,
    clock_skew: timedelta = CLOCK_SKEW,
) -> DataFrame:
    """Return one row for each row of ``rows``, in order, with what the subject's contracts make of it.

    Columns: ``verdict`` (accepted or dead_letter), ``reasons`` (array of code, field, detail; empty where accepted), the latest
    contract's columns, typed (for changes the change columns first, and ``given``), its derived columns, ``schema_version``
    and ``extras``.

    ``spark``: a session of :func:`spark_jobs.session.spark_session`, whose settings (UTC, no ANSI mode) the judge needs.
    ``subject``: a loaded subject, or the path of its folder, drafts included.
    ``rows``: mappings of field to text, exactly as received ('' is empty, None or left out is absent), or the text of a CSV
    file, which is read as a landed file is. ``version``: the version of rows that do not say theirs in ``schema_version``;
    without it, it is told from the fields that they name. ``ingested_at`` (aware; default now) bounds times that may not lie in
    the future, by ``clock_skew``.

    Raises ContractError where the contracts do not load or have no such version; TypeError where a value is no text;
    ValueError where a column of the contract is called verdict or reasons.
    """
    chosen = subject if isinstance(subject, Subject) else load_subject(Path(subject))
    columns = _columns(chosen)
    at = ingested_at or datetime.now(UTC)
    table = landed_table(chosen, rows, at) if isinstance(rows, str) else bronze_table(chosen, rows, at)
    if version is not None:
        table = _of_version(table, chosen.contract(version).version)
    judged = judge_bronze(spark, chosen, table, JudgeOptions(clock_skew, refuse_late=False))
    verdict = F.when(F.col("_valid"), "accepted").otherwise("dead_letter").alias("verdict")
    return judged.select(verdict, F.coalesce("_reasons", F.array()).alias("reasons"), *columns)


def judge_bronze(spark: SparkSession, subject: Subject, bronze: pa.Table, options: JudgeOptions) -> DataFrame:
    """Return the judged rows (see :func:`spark_jobs.transforms.judge.judge`) of a Bronze table in memory, in order."""
    rows = spark.createDataFrame(bronze).coalesce(1)
    return rows.transform(conform, subject).transform(judge, subject, options)


def bronze_table(subject: Subject, rows: Iterable[Mapping[str, str | None]], ingested_at: datetime) -> pa.Table:
    """Return the rows as Bronze holds them: a text column for each known field, all others in ``payload_rest``."""
    landed = [_bronze_row(subject, row, place, ingested_at) for place, row in enumerate(rows, 1)]
    return pa.Table.from_pylist(landed, schema=_BRONZE.bronze(subject).data_schema)


def landed_table(subject: Subject, text: str, ingested_at: datetime) -> pa.Table:
    """Return the rows of a CSV file's text, landed as ingest lands them; those that cannot be read say so in ``read_error``."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        size = file.write_bytes(text.encode())
        table = Lake(Path(folder)).bronze(subject)
        parts, _ = land_files(
            [FileToLand(str(file), file.name, size, 0, to_micros(ingested_at))], table, subject.known_fields
        )
        return read_parts(table, parts).sort_by("source_position")


_BRONZE = Lake(Path())  # of which only columns are asked


def _bronze_row(subject: Subject, row: Mapping[str, str | None], place: int, ingested_at: datetime) -> dict[str, Any]:
    for name, text in row.items():
        if text is not None and not isinstance(text, str):
            raise TypeError(f"row {place}, field '{name}': must be text as received, or None, got {text!r}")
    known = {name: row.get(name) for name in subject.known_fields}
    rest = [(name, text) for name, text in row.items() if name not in known and text is not None]
    origin = {"row_id": str(place), "source": "rows", "source_position": place, "ingested_at": ingested_at}
    return {**known, **origin, "payload_rest": rest or None}


def _of_version(bronze: pa.Table, version: int) -> pa.Table:
    said = pc.coalesce(bronze[VERSION_COLUMN], pa.scalar(str(version)))
    return bronze.set_column(bronze.column_names.index(VERSION_COLUMN), VERSION_COLUMN, said)


def _columns(subject: Subject) -> list[str]:
    latest = subject.latest
    named = [*latest.columns, *(column.name for column in latest.derive)]
    for name in ("verdict", "reasons"):
        if name in named:
            raise ValueError(f"{subject.name} has a column '{name}', which judge_rows adds: judge it with judge_bronze")
    given = ["given"] if subject.kind == "changes" else []
    return [*latest.columns, *given, *(column.name for column in latest.derive), VERSION_COLUMN, "extras"]
