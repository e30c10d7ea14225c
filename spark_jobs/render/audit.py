"""Show recomputed books, for ``tally audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.escaping import shorten
from spark_jobs.render.terminal import say, show_table
from spark_jobs.render.values import LONGEST, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spark_jobs.batch.audit.result import Audit, Finding

VERDICTS = ("accepted", "duplicate", "dead_letter")


def show_audits(found: Sequence[Audit]) -> None:
    """Show the books of each subject in a column, whether they balance, and what does not agree."""
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
    show_table("The books, recomputed from the tables", ["", *[a.subject for a in found]], rows)
    for one in found:
        say(f"{one.subject}: ", ("balanced", "green") if one.balanced else ("DOES NOT BALANCE", "red"))
    say()
    for one in found:
        if one.files_aside:
            files = quantity(one.files_aside, "file is", "files are")
            say(f"{one.subject}: {files} set aside and not read: tally status names them")
        if one.manifest:
            _show_manifest(one.subject, one.manifest)
        _show_findings(one.subject, one.findings)


def _show_manifest(subject: str, sums: dict[str, Any]) -> None:
    """Show the comparison with a manifest in one line."""
    verdict = (
        "nothing missed, nothing else refused"
        if not sums["wrong"]
        else quantity(sums["wrong"], "row differs", "rows differ")
    )
    say(
        f"{subject}, against the manifest: {sums['rows']:,} rows, {sums['planted']:,} planted faults and repeats, "
        f"{sums['found']:,} of them found; {sums['wrongly_refused']:,} good rows refused: ",
        (verdict, "bold"),
        soft_wrap=False,
    )


def _show_findings(subject: str, found: Sequence[Finding]) -> None:
    """Show what does not agree, with examples."""
    for finding in found:
        say(f"{subject}: {finding.count:,} {finding.what}", style="red")
        for example in finding.examples:
            say(f"    {shorten(example, LONGEST)}")
