"""Show a gold run, for ``tally gold``: its gates, its tables, and what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.escaping import shorten
from spark_jobs.render.terminal import say, show_table
from spark_jobs.render.values import LONGEST, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from spark_jobs.batch.gold.record import GateResult, RunRecord

#: Verdicts that hold a date back are shown up to this many; all are in the record.
SHOWN = 12


def show_gold_run(record: RunRecord) -> None:
    """Show what a run did, each gate's counts, dates that are held back, and what is left to do."""
    say((_sentence(record), "bold"), f" in {record.runtime_seconds:,.1f} s")
    say()
    if record.gates:
        show_table("Quality gates", ["gate", "dates", "passed", "failed", "accepted"], _by_gate(record.gates))
    written = record.rows_written
    rows = [[name, written.get(name, 0), count] for name, count in record.output_row_counts.items() if "gold/" in name]
    show_table("Tables", ["table", "rows written", "rows now"], rows)
    _show_failed(record.failed)
    _show_left(record)


def _sentence(record: RunRecord) -> str:
    judged = len({gate.date for gate in record.gates})
    if not judged:
        return f"Nothing that gold shows up to {record.end_date} has changed"
    failed = len({gate.date for gate in record.failed})
    held = f", {failed:,} held back" if failed else ""
    built = f"{quantity(judged, 'date')} from {quantity(record.processed_events_count, 'row')} of Silver"
    return f"Built {built}: {len(record.dates_built):,} published{held}"


def _by_gate(gates: Sequence[GateResult]) -> list[list[object]]:
    rows: dict[str, list[int]] = {}
    for gate in gates:
        counts = rows.setdefault(gate.gate, [0, 0, 0, 0])
        counts[0] += 1
        counts[1 if gate.passed else 3 if gate.accepted else 2] += 1
    return [[name, *counts] for name, counts in rows.items()]


def _show_failed(failed: Sequence[GateResult]) -> None:
    for gate in failed[:SHOWN]:
        detail = shorten(gate.detail or "", LONGEST)
        say((f"{gate.date} is held back by {gate.gate}", "red"), f": {detail}")
        for row in gate.rows:
            say(f"  {shorten(row, LONGEST)}")
    if len(failed) > SHOWN:
        say(f"… and {quantity(len(failed) - SHOWN, 'more verdict')}, all in the record")
    if failed:
        way = "Mend the source and run again, or publish in spite of a gate with --accept GATE."
        say(way, style="dim")
        say()


def _show_left(record: RunRecord) -> None:
    new = {gate.date for gate in record.failed}
    older = [day for day in record.dates_held if day not in new]
    if older:
        say(f"still held back since earlier runs: {_some(older)}")
    if record.dates_pending:
        way = "tally gold run with a later --date, or backfill"
        say(f"changed, but not asked for: {_some(record.dates_pending)} ({way})")
    if record.waiting_lines or record.waiting_payments:
        waiting = f"{quantity(record.waiting_lines, 'order line')} and {quantity(record.waiting_payments, 'payment')}"
        say(f"waiting for their order: {waiting} (gold/waiting_facts)")


def _some(days: Sequence[date]) -> str:
    shown = ", ".join(str(day) for day in days[:5])
    return shown if len(days) <= 5 else f"{shown} and {len(days) - 5:,} more"
