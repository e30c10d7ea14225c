"""Show a row and its way, for ``tally why``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spark_jobs.render.terminal import say
from spark_jobs.render.values import moment_text, to_json_value

if TYPE_CHECKING:
    from spark_jobs.batch.why.trace import RowTrace


def show_row_trace(row: RowTrace) -> None:
    """Show where a row came from and what became of it, a line a fact; no text is cut."""
    lines = [
        ("came from", f"{row.source}, row {row.position}, landed {moment_text(row.ingested_at)}"),
        ("row id", row.row_id),
        ("version", "–" if row.version is None else f"v{row.version}"),
        ("verdict", row.verdict),
    ]
    lines += [("reason", f"{r['code']} {r['field'] or ''}".rstrip() + f": {r['detail']}") for r in row.reasons]
    if row.first_row_id is not None:
        same = row.first_row_id == row.row_id
        lines.append(("repeats", "itself: this row was read before" if same else row.first_row_id))
    if row.batch_id is not None:
        lines.append(("batch", f"{row.batch_id} of query {row.query_id}"))
    received = row.raw if row.raw is not None else row.received
    lines.append(("received", received if isinstance(received, str) else json.dumps(received, ensure_ascii=False)))
    if row.row is not None:
        lines.append(("became", json.dumps(row.row, default=to_json_value, ensure_ascii=False)))
    for name, text in lines:
        say((f"  {name:>9}  ", "dim"), text)
    say()
