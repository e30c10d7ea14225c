"""How results are shown: tables for people, JSON for machines. What came from outside is escaped by ``terminal``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from config.escaping import shorten
from spark_jobs.landing.listing import ENDINGS
from spark_jobs.render.terminal import as_json, complain, console, exactly, line, moment, plain, say, table, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.batch.audit.result import Audit, Finding
    from spark_jobs.batch.point_in_time.key_states import Answer, State
    from spark_jobs.batch.status import SubjectStatus
    from spark_jobs.batch.why.trace import RowTrace

__all__ = [
    "answer",
    "as_json",
    "audits",
    "complain",
    "console",
    "exactly",
    "findings",
    "line",
    "manifest",
    "moment",
    "say",
    "statuses",
    "story",
    "table",
    "trace",
]

VERDICTS = ("accepted", "duplicate", "dead_letter")
#: Examples and problems, sentences with names and values in them, are shown up to this many characters.
LONGEST = 600
#: Files that are named of many.
FEW = 5


def statuses(found: Sequence[SubjectStatus]) -> None:
    """The lake at a glance."""
    _tables_of(found)
    _last_batches(found)
    for one in found:
        _said_of(one)


def _tables_of(found: Sequence[SubjectStatus]) -> None:
    layers = ("bronze", "accepted", "duplicates", "dead_letters")
    counted = ["Bronze", "accepted", "duplicates", "dead letters", "not refined", "Silver", "history"]
    rows = [
        [
            *(one.subject, f"v{one.version}", "running" if one.streaming else "–"),
            *(one.rows[name] for name in layers),
            *(one.not_refined, one.rows["silver"], one.rows.get("history")),
        ]
        for one in found
    ]
    table("The lake", ["subject", "", "stream", *counted], rows)


def _last_batches(found: Sequence[SubjectStatus]) -> None:
    shown = {
        "batch_id": "batch",
        "rows_read": "read",
        "accepted": "accepted",
        "duplicate": "duplicate",
        "dead_letter": "dead letter",
        "unaccounted": "unaccounted",
        "late": "late",
        "started_at": "started",
        "duration_seconds": "seconds",
    }
    batches = [[one.subject, *(batch[name] for name in shown)] for one in found for batch in one.last_batches]
    table("Last batches", ["subject", *shown.values()], batches)


def _said_of(one: SubjectStatus) -> None:
    """What is to be said of a subject in sentences, the problems last."""
    if one.watermark is not None:
        say(f"{one.subject}: watermark {moment(one.watermark)}")
    if one.files.waiting:
        say(f"{one.subject}: {len(one.files.waiting):,} files wait to be landed")
    if one.files.foreign:
        say(shorten(f"{one.subject}: {unread_for_their_ending(one.files.foreign)}", LONGEST))
    for problem in one.problems:
        say(shorten(f"{one.subject}: {problem}", LONGEST), style="red")


def unread_for_their_ending(names: Sequence[str]) -> str:
    """The files that are left alone for how their names end, in one sentence."""
    few = ", ".join(names[:FEW]) + (", …" if len(names) > FEW else "")
    return f"{len(names):,} files are not read, as their names end in none of {', '.join(ENDINGS)}: {few}"


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
        say(f"{one.subject}: ", ("balanced", "green") if one.balanced else ("DOES NOT BALANCE", "red"))
    say()
    for one in found:
        if one.files_aside:
            say(f"{one.subject}: {one.files_aside:,} files are set aside and not read: tally status names them")
        if one.manifest:
            manifest(one.subject, one.manifest)
        findings(one.subject, one.findings)


def manifest(subject: str, sums: dict[str, Any]) -> None:
    """The comparison with a manifest in one line."""
    verdict = "nothing missed, nothing else refused" if not sums["wrong"] else f"{sums['wrong']:,} rows differ"
    say(
        f"{subject}, against the manifest: {sums['rows']:,} rows, {sums['planted']:,} planted faults and repeats, "
        f"{sums['found']:,} of them found; {sums['wrongly_refused']:,} good rows refused: ",
        (verdict, "bold"),
        soft_wrap=False,
    )


def findings(subject: str, found: Sequence[Finding]) -> None:
    """What does not agree, with examples."""
    for finding in found:
        say(f"{subject}: {finding.count:,} {finding.what}", style="red")
        for example in finding.examples:
            say(f"    {shorten(example, LONGEST)}")


def story(told: RowTrace) -> None:
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
        lines.append(("became", json.dumps(told.row, default=plain, ensure_ascii=False)))
    for name, text in lines:
        say((f"  {name:>9}  ", "dim"), text)
    say()


def answer(told: Answer) -> None:
    """A row as it was at a moment, since when and until when, and the change that made it; or why there was none."""
    row = f"{told.subject} with {', '.join(f'{name} {exactly(value)}' for name, value in told.key.items())}"
    if told.found is None:
        complain(_absence(told, row))
        return
    say(f"{row} at {exactly(told.moment)}", style="bold")
    facts = _facts(told, told.found)
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        say((f"  {name:>{width}}  ", "dim"), text)


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
