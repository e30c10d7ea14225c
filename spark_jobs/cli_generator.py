"""``tally generate``: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spark_jobs.cli_common import logged_settings


def generate(
    subjects: Annotated[
        list[str],
        typer.Argument(help="What to generate: ecommerce_events, customers, products, orders, order_items, payments."),
    ],
    rows: Annotated[int | None, typer.Option(min=1, help="Rows a file of events. [default: GENERATOR_ROWS]")] = None,
    files: Annotated[
        int | None, typer.Option(min=1, help="How many files, for the shop: days; endless without.")
    ] = None,
    every: Annotated[
        float | None, typer.Option(min=0, help="Seconds from file to file; 0: as fast as it goes.")
    ] = None,
    fault_rate: Annotated[float | None, typer.Option(min=0, max=1, help="Share of faulty rows.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed gives the same bytes.")] = None,
    out: Annotated[Path | None, typer.Option(help="Landing folder. [default: LANDING_ROOT]")] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(help="What must become of each row, as JSON lines; a folder where several subjects are named."),
    ] = None,
    start: Annotated[str | None, typer.Option(help="Where the simulated clock begins: ISO time, or now.")] = None,
    duplicate_rate: Annotated[float | None, typer.Option(min=0, max=1, help="Share of repeated rows.")] = None,
    late_rate: Annotated[float | None, typer.Option(min=0, max=1, help="Share of late rows.")] = None,
    gzip: Annotated[bool, typer.Option(help="Write .csv.gz.")] = False,
    customers: Annotated[int, typer.Option(min=1, help="The shop's customers.")] = 1_000,
    products: Annotated[int, typer.Option(min=1, help="The shop's products.")] = 500,
    orders: Annotated[int, typer.Option(min=0, help="The shop's orders in 30 days.")] = 5_000,
) -> None:
    """Drop CSV files into the landing folder, with a share of faults, and a manifest of what must become of each row.

    ecommerce_events are the sessions of a shop's visitors. The other subjects are the changes of one shop, a file a day;
    a day is written once it is over, and its true state then stands beside the manifest.
    """
    from spark_jobs.cli_generate import run_generators

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
