"""``tally demo``: the whole promise in one run. Rows with faults in, balanced books out, compared with what was planted."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.compute as pc
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.options import ShopOptions
from generator.changes.run import run_shop
from generator.events.options import EventOptions
from generator.events.run import run_events
from generator.faults import Outcome
from generator.manifest import summary
from schema_registry.registry import load as load_registry
from spark_jobs.batch.audit.run import audit_subject
from spark_jobs.batch.why.trace import trace_rows
from spark_jobs.demo.changes import show_effects, show_past
from spark_jobs.demo.gold import show_gold
from spark_jobs.demo.own_folder import made_anew, require_own
from spark_jobs.demo.postgres import own_postgres, serve_demo, show_postgres, stop_postgres
from spark_jobs.lake import Lake
from spark_jobs.queries.application import Application, Listener
from spark_jobs.render.audit import show_audits
from spark_jobs.render.terminal import console, say, show_table
from spark_jobs.render.why import show_row_trace
from spark_jobs.session import spark_session
from spark_jobs.storage.open_tables import open_table

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from config.settings import Settings
    from schema_registry.registry import Registry, Subject
    from spark_jobs.batch.audit.result import Audit
    from spark_jobs.queries.books import Books

SUBJECT = "ecommerce_events"
FILES = 20
DAYS = 30
OUTCOMES = tuple(str(outcome) for outcome in Outcome)
TOP = 8
#: What lies in the demo's folder.
PARTS = ("input", "manifests", "lake", "logs", "postgres", "report-*.html")


def run_demo(settings: Settings, rows: int, out: Path, seed: int) -> None:
    """Generate, stream, audit and explain, in a lake of its own under ``out``."""
    began = time.perf_counter()
    settings = own_postgres(settings, out)
    _clear(settings, out)
    options = EventOptions(
        out=out / "input",
        manifest=out / "manifests" / f"{SUBJECT}.jsonl",
        rows_per_file=rows // FILES,
        files=FILES,
        every_seconds=0,
        seed=seed,
    )
    run_events(options)
    last = _generate_shop(out, seed)
    _show_generated(options)
    places = replace(settings.lake, root=out / "lake", landing=out / "input", logs=out / "logs")
    settings = replace(settings, lake=places)
    registry = load_registry(settings.lake.contracts)
    lake = Lake(settings.lake.root.resolve())
    books, found = _stream_and_audit(settings, lake, registry, out / "manifests")
    _show_lake(books)
    show_effects(books)
    show_audits(found)
    events = [line for line in books if line.subject == SUBJECT]
    _show_reasons(events)
    _show_letter(lake, registry.subject(SUBJECT))
    asked = show_past(lake, registry)
    asked += show_gold(spark_session(settings), settings, registry, last, out)
    show_postgres(settings, registry, lake)
    _show_next(settings, out, asked, time.perf_counter() - began)
    serve_demo(settings)


def _generate_shop(out: Path, seed: int) -> date:
    """A month of a small shop: customers, products, orders, their items and payments, as changes; its last day."""
    options = ShopOptions(
        out=out / "input",
        manifests=tuple(out / "manifests" / f"{name}.jsonl" for name in SHOP_SUBJECTS),
        files=DAYS,
        every_seconds=0,
        seed=seed,
        customers=300,
        products=150,
        orders=1_000,
    )
    run_shop(options)
    return options.start.date() + timedelta(days=DAYS - 1)


def _clear(settings: Settings, out: Path) -> None:
    """Remove an earlier demo; a folder that the demo did not make is left alone."""
    require_own(out, "demo")
    stop_postgres(settings)
    made_anew(out, "demo", PARTS)


def _stream_and_audit(
    settings: Settings, lake: Lake, registry: Registry, manifests: Path
) -> tuple[list[Books], list[Audit]]:
    books: list[Books] = []
    names = [SUBJECT, *SHOP_SUBJECTS]
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        step = progress.add_task("starting Spark", total=3 * len(names) + 1)
        spark = spark_session(settings)
        progress.update(step, advance=1, description="streaming six feeds: landed, judged, merged, booked")

        def told(line: Books) -> None:
            books.append(line)
            progress.update(step, advance=1)

        listener = Listener(lambda _: progress.update(step, advance=1), told)
        Application(spark, settings, registry, names, listener, threading.Event()).run(once=True)
        progress.update(step, description="auditing: every row id and every key, from the tables themselves")
        found = []
        for name in names:
            found.append(audit_subject(spark, settings, lake, registry.subject(name), manifests))
            progress.update(step, advance=1)
    return sorted(books, key=lambda line: (names.index(line.subject), line.batch_id)), found


def _show_generated(options: EventOptions) -> None:
    told = summary(options.manifest, options.out)
    say()
    say(
        ("Generated", "bold"),
        f" {told.rows:,} events in {told.files:,} files, versions 1 to 3 side by side, "
        f"with {len(told.faults)} kinds of faults and oddities planted among them, and {DAYS} days of changes of a shop:",
        soft_wrap=False,
    )
    rows = []
    for name in (SUBJECT, *SHOP_SUBJECTS):
        told = summary(options.manifest.with_name(f"{name}.jsonl"), options.out)
        rows.append([name, told.rows, *[told.outcomes[outcome] for outcome in OUTCOMES], len(told.faults)])
    show_table("", ["feed", "rows", *[f"must be {outcome}" for outcome in OUTCOMES], "kinds of faults"], rows)


def _show_lake(books: list[Books]) -> None:
    names = ["subject", "batch", "read", "=", "accepted", "+", "duplicate", "+", "dead letter", "unaccounted"]
    rows = [
        [b.subject, b.batch_id, b.rows_read, "=", b.accepted, "+", b.duplicate, "+", b.dead_letter, b.unaccounted]
        for b in books
    ]
    show_table("The books of each batch", names, rows)


def _show_reasons(books: list[Books]) -> None:
    reasons: dict[str, int] = {}
    for batch in books:
        for name, count in batch.reasons.items():
            reasons[name] = reasons.get(name, 0) + count
    top = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    show_table(f"Top reasons of {len(reasons)}", ["reason", "rows"], top)


def _show_letter(lake: Lake, subject: Subject) -> None:
    """The dead letter with the most reasons, and the story of an accepted row that had to be migrated."""
    table = open_table(lake.dead_letters.path)
    assert table is not None
    letters = table.to_pyarrow_table(columns=["row_id", "reasons"]).to_pylist()
    worst = max(letters, key=lambda letter: (len(letter["reasons"]), letter["row_id"]))
    say("One dead letter, with all its reasons", style="bold")
    for story in trace_rows(lake, subject, worst["row_id"]):
        show_row_trace(story)
    silver = open_table(lake.silver(subject).path)
    assert silver is not None
    rows = silver.to_pyarrow_table(columns=["event_id", "schema_version"])
    event_id = min(rows.filter(pc.equal(rows["schema_version"], 1))["event_id"].to_pylist())
    say(("One row explained:", "bold"), f" tally why {event_id}")
    for story in trace_rows(lake, subject, event_id):
        show_row_trace(story)


def _show_next(settings: Settings, out: Path, asked: list[str], seconds: float) -> None:
    say((f"Done in {seconds:.0f} s.", "bold"), " Commands to try next:")
    say()
    here = f"LAKE_ROOT={out}/lake LANDING_ROOT={out}/input"
    for command in (
        f"{here} tally status",
        f"{here} tally audit --manifest {out}/manifests",
        *[f"{here} {command}" for command in asked],
        f"{here} tally rebuild products --verify",
        "tally generate ecommerce_events    # and in a second terminal: tally stream",
    ):
        say(f"  {command}")
    address = f"http://{settings.serving.host}:{settings.serving.port}"
    say()
    say(
        ("The dashboard over what was just made:", "bold"),
        f" POSTGRES_ROOT={out}/postgres tally serve, then open {address}",
    )
