"""``tally report``: a published date as a page to read and forward, or as JSON."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spark_jobs.batch.report.build import report
from spark_jobs.batch.report.page import headline, page
from spark_jobs.cli.gold import as_date
from spark_jobs.errors import UsageError
from spark_jobs.render import show

if TYPE_CHECKING:
    from spark_jobs.batch.report.figures import Report
    from spark_jobs.lake import Lake


@dataclass(frozen=True, slots=True)
class Reported:
    """A report, and where its page is; None where no page was asked for."""

    report: Report
    page: Path | None


def run_report(lake: Lake, day: str, out: Path | None, *, json: bool = False) -> Reported:
    """The report of a date, written as a page to ``out``, unless JSON is asked for instead.

    The page goes to report-DATE.html in the current folder where no ``out`` is given: it is made to be opened and sent on, and is
    no part of the lake. It replaces an earlier one whole, so nobody opens half a page. UsageError where the date cannot be read,
    there is no lake or the page cannot be written; NotPublishedError where the date has no published facts.
    """
    if json and out is not None:
        raise UsageError("--json prints the figures and writes no page: leave out --out or --json")
    if not lake.root.exists():
        raise UsageError(f"there is no lake at {lake.root}: run tally stream, or set LAKE_ROOT")
    found = report(lake, as_date(day, "--date"))
    if json:
        return Reported(found, None)
    path = out or Path(f"report-{found.date}.html")
    _write(path, page(found))
    return Reported(found, path)


def show_reported(done: Reported) -> None:
    """The date in a sentence, how it stands, and where the page is."""
    show.say(f"{done.report.date}: {headline(done.report)}")
    if done.report.standing.state != "published":
        show.say(f"{done.report.date}: newer data is {_UNSETTLED[done.report.standing.state]}", style="yellow")
    if done.page is not None:
        show.say(f"{done.page.resolve()}")


_UNSETTLED = {"held_back": "held back by a gate; the figures are those published before", "pending": "not built yet"}


def _write(path: Path, text: str) -> None:
    """Beside the place first, then there by rename."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UsageError(
            f"the page cannot be written to {path}: {error.strerror}; name another file with --out"
        ) from None
