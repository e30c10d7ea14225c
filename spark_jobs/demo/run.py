"""``tally demo``: the whole promise in one run. Rows with faults in, balanced books out, compared with what was planted."""

from __future__ import annotations

import threading
import time
from shlex import quote
from typing import TYPE_CHECKING

from generator.changes.contracts import SHOP_SUBJECTS
from generator.faults import Outcome
from generator.manifest import summary
from schema_registry.registry import load as load_registry
from spark_jobs.batch.audit.run import audit_subject
from spark_jobs.demo.commands import lake_command, tally
from spark_jobs.demo.events import EVENTS, explain_two_rows, generate_events
from spark_jobs.demo.gold import show_gold
from spark_jobs.demo.own_folder import remake, require_own, settings_in
from spark_jobs.demo.postgres import own_postgres, serve_demo, show_postgres, stop_postgres
from spark_jobs.demo.shop import DAYS, generate_shop, show_history
from spark_jobs.lake import Lake
from spark_jobs.queries.application import Application, Listener
from spark_jobs.render.audit import show_audits
from spark_jobs.render.books import show_books, show_effects, show_reasons
from spark_jobs.render.progress import show_progress
from spark_jobs.render.terminal import say, show_table
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.settings import Settings
    from schema_registry.registry import Registry
    from spark_jobs.batch.audit.result import Audit
    from spark_jobs.queries.books import Books

SUBJECTS = (EVENTS, *SHOP_SUBJECTS)
OUTCOMES = tuple(str(outcome) for outcome in Outcome)
#: Patterns of what the demo makes in its folder.
PARTS = ("input", "manifests", "lake", "logs", "postgres", "report-*.html")


def run_demo(settings: Settings, rows: int, out: Path, seed: int) -> None:
    """Generate, stream, audit, explain and publish, in a lake and a Postgres of its own under ``out``."""
    started = time.perf_counter()
    settings = own_postgres(settings_in(settings, out), out)
    _remove_earlier_demo(settings, out)
    generate_events(out, rows, seed)
    last_day = generate_shop(out, seed)
    _show_generated(out)
    registry, lake = load_registry(settings.lake.contracts), Lake(settings.lake.root.resolve())
    books, audits = _stream_and_audit(settings, lake, registry, out / "manifests")
    show_books(books)
    show_effects(books)
    show_audits(audits)
    show_reasons([batch for batch in books if batch.subject == EVENTS])
    explain_two_rows(lake, registry.subject(EVENTS), out)
    commands = show_history(lake, registry)
    commands += show_gold(spark_session(settings), settings, registry, last_day, out)
    show_postgres(settings, registry, lake)
    _show_next_commands(settings, out, commands, time.perf_counter() - started)
    serve_demo(settings)


def _remove_earlier_demo(settings: Settings, out: Path) -> None:
    """Remove an earlier demo; UsageError for a folder that the demo did not make."""
    require_own(out, "demo")
    stop_postgres(settings)
    remake(out, "demo", PARTS)


def _show_generated(out: Path) -> None:
    """Show how much was generated, and what must become of it by the manifests."""
    summaries = {name: summary(out / "manifests" / f"{name}.jsonl", out / "input") for name in SUBJECTS}
    events = summaries[EVENTS]
    say()
    say(
        ("Generated", "bold"),
        f" {events.rows:,} events in {events.files:,} files, versions 1 to 3 side by side, "
        f"with {len(events.faults)} kinds of faults and oddities planted among them, and {DAYS} days of changes of a shop:",
        soft_wrap=False,
    )
    rows = [
        [name, one.rows, *[one.outcomes[outcome] for outcome in OUTCOMES], len(one.faults)]
        for name, one in summaries.items()
    ]
    show_table("", ["feed", "rows", *[f"must be {outcome}" for outcome in OUTCOMES], "kinds of faults"], rows)


def _stream_and_audit(
    settings: Settings, lake: Lake, registry: Registry, manifests: Path
) -> tuple[list[Books], list[Audit]]:
    """Stream what was generated, then audit it; return the books of each batch, in the order of SUBJECTS, and the audits."""
    books: list[Books] = []
    with show_progress("starting Spark", total=3 * len(SUBJECTS) + 1) as progress:
        spark = spark_session(settings)
        progress.advance()
        progress.describe("streaming six feeds: landed, judged, merged, booked")

        def note_books(batch: Books) -> None:
            books.append(batch)
            progress.advance()

        listener = Listener(lambda _: progress.advance(), note_books)
        Application(spark, settings, registry, SUBJECTS, listener, threading.Event()).run(once=True)
        progress.describe("auditing: every row id and every key, from the tables themselves")
        audits = []
        for name in SUBJECTS:
            audits.append(audit_subject(spark, settings, lake, registry.subject(name), manifests))
            progress.advance()
    return sorted(books, key=lambda batch: (SUBJECTS.index(batch.subject), batch.batch_id)), audits


def _show_next_commands(settings: Settings, out: Path, commands: Sequence[str], seconds: float) -> None:
    say((f"Done in {seconds:.0f} s.", "bold"), " Commands to try next:")
    say()
    for arguments in (
        "status",
        f"audit --manifest {quote(f'{out}/manifests')}",
        *commands,
        "rebuild products --verify",
    ):
        say(f"  {lake_command(out, arguments)}")
    say(f"  {tally()} generate {EVENTS}    # and in a second terminal: {tally()} stream")
    say()
    address = f"http://{settings.serving.host}:{settings.serving.port}"
    say(
        ("The dashboard over what was just made:", "bold"),
        f" POSTGRES_ROOT={quote(f'{out}/postgres')} {tally()} serve, then open {address}",
    )
