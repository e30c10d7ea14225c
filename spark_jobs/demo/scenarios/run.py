"""``tally scenarios``: run the stories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.demo.own_folder import require_own
from spark_jobs.demo.scenarios.customer_moves import customer_moves
from spark_jobs.demo.scenarios.order_placed import order_placed
from spark_jobs.demo.scenarios.price_rises import price_rises
from spark_jobs.demo.scenarios.shop import COMMAND, Shop
from spark_jobs.errors import UsageError
from spark_jobs.render.progress import show_spinner
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from config.settings import Settings

SCENARIOS: dict[str, Callable[[Shop], None]] = {
    "customer-moves": customer_moves,
    "price-rises": price_rises,
    "order-placed": order_placed,
}


def run_scenarios(settings: Settings, name: str | None, out: Path) -> None:
    """Run the scenario of that name, or all; each folder ``out``/NAME is made anew. UsageError if there is no such scenario."""
    if name is not None and name not in SCENARIOS:
        raise UsageError(f"there is no scenario '{name}': they are {', '.join(SCENARIOS)}")
    chosen = SCENARIOS if name is None else {name: SCENARIOS[name]}
    for each in chosen:
        require_own(out / each, COMMAND)
    with show_spinner("starting Spark"):
        spark = spark_session(settings)
    shops = {each: Shop.open_empty(spark, settings, out / each) for each in chosen}
    for each, scenario in chosen.items():
        with show_spinner(f"{each}: landing, streaming, publishing"):
            scenario(shops[each])
