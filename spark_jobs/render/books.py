"""Tables of what batches booked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from spark_jobs.render.terminal import show_table
from spark_jobs.transforms.reduced_changes import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.queries.books import Books

#: Reasons that are shown of many.
TOP = 8


def show_books(books: Sequence[Books]) -> None:
    """Show the books of each batch, a line a batch."""
    names = ["subject", "batch", "read", "=", "accepted", "+", "duplicate", "+", "dead letter", "unaccounted"]
    rows = [
        [b.subject, b.batch_id, b.rows_read, "=", b.accepted, "+", b.duplicate, "+", b.dead_letter, b.unaccounted]
        for b in books
    ]
    show_table("The books of each batch", names, rows)


def show_effects(books: Sequence[Books]) -> None:
    """Show what accepted changes did to the tables, a line a batch of changes."""
    rows = [[b.subject, b.accepted, "=", *[b.effects[name] for name in EFFECTS]] for b in books if b.effects]
    show_table("What the accepted changes did", ["entity", "accepted", "", *EFFECTS], rows)


def show_reasons(books: Sequence[Books]) -> None:
    """Show the most frequent reasons of dead letters, with the rows of each."""
    reasons: Counter[str] = Counter()
    for batch in books:
        reasons.update(batch.reasons)
    top = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    show_table(f"Top reasons of {len(reasons)}", ["reason", "rows"], top)
