"""How results are shown: tables for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spark_jobs.batch.audit import Audit
    from spark_jobs.batch.finding import Finding
    from spark_jobs.batch.one_key import Answer, State
    from spark_jobs.batch.status import SubjectStatus
    from spark_jobs.batch.why import Story

VERDICTS = ("accepted", "duplicate", "dead_letter")
WIDE = 160

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
errors = Console(stderr=True, highlight=False)


def as_json(value: Any) -> None:
    """Print a value as one JSON document."""
    console.print_json(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table whose numbers stand right and are grouped by thousands."""
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    listed = [list(row) for row in rows]
    for number, name in enumerate(columns):
        numeric = bool(listed) and all(isinstance(row[number], int | float | None) for row in listed)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        shown.add_row(*[_cell(value) for value in row])
    console.print(shown)
    console.print()


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return moment(value) if isinstance(value, datetime) else str(value)


def moment(value: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def exactly(value: Any) -> str:
    """A value as it is: a decimal with its scale, a time in UTC with its microseconds, a number without separators."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"
    return str(_plain(value)) if isinstance(value, date | Decimal) else str(value)


def statuses(found: Sequence[SubjectStatus]) -> None:
    """The lake at a glance."""
    names = [
        "subject",
        "",
        "stream",
        "Bronze",
        "accepted",
        "duplicates",
        "dead letters",
        "not refined",
        "Silver",
        "history",
    ]
    layers = ("bronze", "accepted", "duplicates", "dead_letters")
    rows = [
        [
            *(one.subject, f"v{one.version}", "running" if one.streaming else "–"),
            *(one.rows[name] for name in layers),
            *(one.not_refined, one.rows["silver"], one.rows.get("history")),
        ]
        for one in found
    ]
    table("The lake", names, rows)
    shown = ("batch_id", "rows_read", "accepted", "duplicate", "dead_letter", "unaccounted", "late", "started_at")
    batches = [
        [one.subject, *(batch[name] for name in (*shown, "duration_seconds"))]
        for one in found
        for batch in one.last_batches
    ]
    names = [
        "subject",
        "batch",
        "read",
        "accepted",
        "duplicate",
        "dead letter",
        "unaccounted",
        "late",
        "started",
        "seconds",
    ]
    table("Last batches", names, batches)
    for one in found:
        if one.watermark is not None:
            console.print(f"{one.subject}: watermark {moment(one.watermark)}")
        if one.files.waiting:
            console.print(f"{one.subject}: {len(one.files.waiting):,} files wait to be landed")
        for problem in one.problems:
            console.print(f"[red]{one.subject}: {problem}[/red]")


def audits(found: Sequence[Audit]) -> None:
    """The books, and whether they balance."""
    measures = ("bronze", *VERDICTS, "control", "waiting", "batches", "readings")
    meanings = (
        "rows in Bronze",
        "= accepted",
        "+ duplicates",
        "+ dead letters",
        "+ control",
        "+ waiting to be refined",
        "batches booked",
        "readings of Bronze",
    )
    rows = [[meaning, *[getattr(a, name) for a in found]] for name, meaning in zip(measures, meanings, strict=True)]
    table("The books, recomputed from the tables", ["", *[a.subject for a in found]], rows)
    for one in found:
        verdict = "[green]balanced[/green]" if one.balanced else "[red]DOES NOT BALANCE[/red]"
        console.print(f"{one.subject}: {verdict}")
    console.print()
    for one in found:
        if one.manifest:
            manifest(one.subject, one.manifest)
        findings(one.subject, one.findings)


def manifest(subject: str, sums: dict[str, Any]) -> None:
    """The comparison with a manifest in one line."""
    verdict = "nothing missed, nothing else refused" if not sums["wrong"] else f"{sums['wrong']:,} rows differ"
    console.print(
        f"{subject}, against the manifest: {sums['rows']:,} rows, {sums['planted']:,} planted faults and repeats, "
        f"{sums['found']:,} of them found; {sums['wrongly_refused']:,} good rows refused: [bold]{verdict}[/bold]"
    )


def findings(subject: str, found: Sequence[Finding]) -> None:
    """What does not agree, with examples."""
    for finding in found:
        console.print(f"[red]{subject}: {finding.count:,} {finding.what}[/red]")
        for example in finding.examples:
            console.print(f"    {example}", markup=False)


def story(told: Story) -> None:
    """One row's way through the lake."""
    lines = [
        ("came from", f"{told.source}, row {told.position}, landed {moment(told.ingested_at)}"),
        ("row id", told.row_id),
        ("version", "–" if told.version is None else f"v{told.version}"),
        ("verdict", told.verdict),
    ]
    lines += [("reason", f"{r['code']} {r['field'] or ''}".rstrip() + f": {r['detail']}") for r in told.reasons]
    if told.first_row_id is not None:
        same = told.first_row_id == told.row_id
        lines.append(("repeats", "itself: this row was read before" if same else told.first_row_id))
    if told.batch_id is not None:
        lines.append(("batch", f"{told.batch_id} of query {told.query_id}"))
    received = told.raw if told.raw is not None else told.received
    lines.append(("received", received if isinstance(received, str) else json.dumps(received, ensure_ascii=False)))
    if told.row is not None:
        lines.append(("became", json.dumps(told.row, default=_plain, ensure_ascii=False)))
    for name, text in lines:
        console.print(f"  [dim]{name:>9}[/dim]  ", end="")
        console.print(text, markup=False, soft_wrap=True)
    console.print()


def answer(told: Answer) -> None:
    """A row as it was at a moment, since when and until when, and the change that made it; or why there was none."""
    row = f"{told.subject} with {', '.join(f'{name} {exactly(value)}' for name, value in told.key.items())}"
    if told.found is None:
        errors.print(_absence(told, row), markup=False, soft_wrap=True)
        return
    console.print(f"{row} at {exactly(told.moment)}", markup=False, soft_wrap=True, style="bold")
    facts = _facts(told, told.found)
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        console.print(f"  [dim]{name:>{width}}[/dim]  ", end="")
        console.print(text, markup=False, soft_wrap=True)


def _facts(told: Answer, state: State) -> list[tuple[str, str]]:
    surrogate = "" if state.surrogate is None else f", surrogate key {state.surrogate}"
    made = (
        "not in the change log" if told.change is None else f"{told.change.change_id}, sequence {told.change.sequence}"
    )
    return [
        *((name, exactly(value)) for name, value in state.row.items()),
        ("version", f"{state.version}{surrogate}"),
        ("since", exactly(state.valid_from)),
        ("until", "now" if state.valid_to is None else exactly(state.valid_to)),
        ("change", made),
    ]


def _absence(told: Answer, row: str) -> str:
    """Never known, not yet there, or deleted, with the nearest versions."""
    moment, before, after = exactly(told.moment), told.before, told.after
    if before is None and after is None:
        return f"there has never been a row of {row}"
    first = "" if after is None else f"version {after.version} begins at {exactly(after.valid_from)}"
    if before is None:
        return f"there was no row of {row} yet at {moment}: {first}"
    last = f"version {before.version} ended at {exactly(before.valid_to)}"
    return f"the row of {row} was deleted at {moment}: {last}, {first or 'and none has come since'}"
