"""Show that a report was written, for ``tally report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.batch.report.texts import headline
from spark_jobs.render.terminal import say

if TYPE_CHECKING:
    from spark_jobs.batch.report.file import ReportResult


def show_report(done: ReportResult) -> None:
    """Show the date's headline, that newer data is not published yet, and the path of the page."""
    say(f"{done.report.date}: {headline(done.report)}")
    if done.report.standing.state != "published":
        say(f"{done.report.date}: newer data is {_UNSETTLED[done.report.standing.state]}", style="yellow")
    if done.page is not None:
        say(f"{done.page.resolve()}")


_UNSETTLED = {"held_back": "held back by a gate; the figures are those published before", "pending": "not built yet"}
