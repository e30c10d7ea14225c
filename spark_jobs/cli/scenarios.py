"""``tally scenarios``: three stories of a small shop, each in a lake of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import load as load_settings


def scenarios(
    name: Annotated[
        str | None, typer.Argument(help="customer-moves, price-rises or order-placed; all if none is named.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of a lake for each story; made anew each time.")] = Path(
        "data/scenarios"
    ),
) -> None:
    """Tell three stories of a small shop: who lived where when they ordered, what a price was on average, what a day sold."""
    from spark_jobs.demo.scenarios.run import run_scenarios

    run_scenarios(load_settings(), name, out)
