"""``tally generate``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spark_jobs.cli.common import logged_settings

Subjects = Annotated[
    list[str],
    typer.Argument(help="What to generate: ecommerce_events, customers, products, orders, order_items, payments."),
]
Rows = Annotated[int | None, typer.Option(min=1, help="Rows a file of events. [default: GENERATOR_ROWS]")]
Files = Annotated[int | None, typer.Option(min=1, help="How many files, for the shop: days; endless without.")]
Every = Annotated[float | None, typer.Option(min=0, help="Seconds from file to file; 0: as fast as it goes.")]
FaultRate = Annotated[float | None, typer.Option(min=0, max=1, help="Share of faulty rows.")]
Seed = Annotated[int | None, typer.Option(min=0, help="The same seed gives the same bytes.")]
Out = Annotated[Path | None, typer.Option(help="Landing folder. [default: LANDING_ROOT]")]
Manifest = Annotated[
    Path | None,
    typer.Option(help="What must become of each row, as JSON lines; a folder where several subjects are named."),
]
Start = Annotated[str | None, typer.Option(help="Where the simulated clock begins: ISO time, or now.")]
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
    """Drop CSV files into the landing folder, with a share of faults, and a manifest of what must become of each row.

    ecommerce_events are the sessions of a shop's visitors. The other subjects are the changes of one shop, a file a day;
    a day is written once it is over, and its true state then stands beside the manifest.
    """
    from spark_jobs.cli.generate import run_generators

    run_generators(
        logged_settings("data_generator", console=True),
        subjects,
        rows=rows,
        files=files,
        every=every,
        fault_rate=fault_rate,
        seed=seed,
        out=out,
        manifest=manifest,
        start=start,
        duplicate_rate=duplicate_rate,
        late_rate=late_rate,
        gzip=gzip,
        customers=customers,
        products=products,
        orders=orders,
    )
