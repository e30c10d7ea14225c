"""``tally demo``: the whole promise in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import load as load_settings


def demo(
    rows: Annotated[int, typer.Option(min=1000, help="How many events to generate.")] = 20_000,
    out: Annotated[Path, typer.Option(help="Folder of the demo's own lake; made anew each time.")] = Path("data/demo"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 42,
) -> None:
    """Generate events with faults, stream them to the end, and show that every row is accounted for."""
    from spark_jobs.demo.run import run_demo

    run_demo(load_settings(), rows, out, seed)
