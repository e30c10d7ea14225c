"""``tally generate``: files of events and of a shop's changes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from spark_jobs.cli.options import load_settings_and_log
from spark_jobs.render.generate import log_file, log_run

log = logging.getLogger("tallylake.generator")

Subjects = Annotated[
    list[str],
    typer.Argument(help="Subjects: ecommerce_events, customers, products, orders, order_items, payments."),
]
Rows = Annotated[int | None, typer.Option(min=1, help="Rows in each file of events. [default: GENERATOR_ROWS]")]
Files = Annotated[
    int | None, typer.Option(min=1, help="Number of files, or of days for the shop's changes; endless if not given.")
]
Every = Annotated[
    float | None,
    typer.Option(min=0, help="Seconds between files; 0 writes as fast as possible. [default: GENERATOR_EVERY]"),
]
FaultRate = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of faulty rows. [default: GENERATOR_FAULT_RATE]")
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="The same seed gives the same files, byte for byte. [default: GENERATOR_SEED]")
]
Out = Annotated[Path | None, typer.Option(help="Landing folder. [default: LANDING_ROOT]")]
Manifest = Annotated[
    Path | None,
    typer.Option(
        help="File with the expected outcome of each row, as JSON lines; a folder where several subjects are named."
    ),
]
Start = Annotated[
    str | None, typer.Option(help="Start of the simulated clock: an ISO time, or now. [default: 2026-01-01]")
]
DuplicateRate = Annotated[float | None, typer.Option(min=0, max=1, help="Share of repeated rows.")]
LateRate = Annotated[float | None, typer.Option(min=0, max=1, help="Share of late rows.")]
Gzip = Annotated[bool, typer.Option(help="Write .csv.gz.")]
Customers = Annotated[int, typer.Option(min=1, help="The shop's customers.")]
Products = Annotated[int, typer.Option(min=1, help="The shop's products.")]
Orders = Annotated[int, typer.Option(min=0, help="The shop's orders in 30 days.")]


def generate(
    subjects: Subjects,
    rows: Rows = None,
    files: Files = None,
    every: Every = None,
    fault_rate: FaultRate = None,
    seed: Seed = None,
    out: Out = None,
    manifest: Manifest = None,
    start: Start = None,
    duplicate_rate: DuplicateRate = None,
    late_rate: LateRate = None,
    gzip: Gzip = False,
    customers: Customers = 1_000,
    products: Products = 500,
    orders: Orders = 5_000,
) -> None:
    """Write CSV files into the landing folder, with a share of faults, and a manifest of each row's expected outcome.

    ecommerce_events are the sessions of a shop's visitors. The other subjects are the changes of one shop, a file a day;
    a day is written once it is over, and the true state of each key is then written next to the manifest.
    """
    # numpy is slow to import: only once it is needed.
    from generator.generate import GenerateOptions
    from generator.generate import generate as generate_files

    settings = load_settings_and_log("data_generator")
    defaults = settings.generator
    options = GenerateOptions(
        subjects=subjects,
        out=out or settings.lake.landing,
        rows=defaults.rows if rows is None else rows,
        files=files,
        every_seconds=defaults.every.total_seconds() if every is None else every,
        fault_rate=defaults.fault_rate if fault_rate is None else fault_rate,
        seed=defaults.seed if seed is None else seed,
        manifest=manifest,
        start=start,
        duplicate_rate=duplicate_rate,
        late_rate=late_rate,
        gzip=gzip,
        customers=customers,
        products=products,
        orders=orders,
    )
    for name in options.subjects:
        log.info("generating %s into %s; the manifest is %s", name, options.out / name, options.manifest_of(name))
    for report in generate_files(options, log_file):
        log_run(report)
