"""Log lines of ``tally stream``: what each batch landed, and its books."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from spark_jobs.render.values import quantity

if TYPE_CHECKING:
    from spark_jobs.queries.books import Books
    from spark_jobs.queries.ingest import IngestReport

log = logging.getLogger("tallylake.stream")


def log_landed(report: IngestReport) -> None:
    """Log a line for what a batch landed."""
    log.info(
        "[Landed %d] %s: %s from %s%s in %.1f s",
        report.batch_id,
        report.subject,
        quantity(report.rows, "row"),
        quantity(report.files, "file"),
        f", {report.unreadable:,} unreadable" if report.unreadable else "",
        report.seconds,
    )


def log_books(books: Books) -> None:
    """Log a line for a batch's books, one for what accepted changes did, and one for how it ended."""
    log.info(
        "[Batch %d] %s: read %s = accepted %s + duplicate %s + dead-lettered %s%s; late %s; %.1f s",
        books.batch_id,
        books.subject,
        *(f"{count:,}" for count in (books.rows_read, books.accepted, books.duplicate, books.dead_letter)),
        f" + control {books.control:,}" if books.control else "",
        f"{books.late:,}",
        books.duration_seconds,
    )
    if any(books.effects.values()):
        did = ", ".join(f"{count:,} {effect}" for effect, count in books.effects.items() if count)
        log.info("[Batch %d] %s: the accepted changes: %s", books.batch_id, books.subject, did)
    if books.unaccounted:
        log.error(
            "[Batch %d] DOES NOT BALANCE: %s unaccounted; run tally audit",
            books.batch_id,
            quantity(books.unaccounted, "row"),
        )
    else:
        log.info("[Batch %d] COMPLETED SUCCESSFULLY", books.batch_id)
