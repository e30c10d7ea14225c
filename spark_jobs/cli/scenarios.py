"""``tally scenarios``: three stories through the real route, each in a lake of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.demo.own_folder import require_own
from spark_jobs.demo.scenarios import SCENARIOS
from spark_jobs.demo.shop import COMMAND, Shop
from spark_jobs.errors import UsageError
from spark_jobs.render.terminal import console
from spark_jobs.session import spark_session

if TYPE_CHECKING:
    from pathlib import Path

    from config.settings import Settings


def run_scenarios(settings: Settings, name: str | None, out: Path) -> None:
    """Tell the story of that name, or all of them; each folder ``out``/NAME is made anew. UsageError where there is none of it."""
    if name is not None and name not in SCENARIOS:
        raise UsageError(f"there is no scenario '{name}': they are {', '.join(SCENARIOS)}")
    chosen = SCENARIOS if name is None else {name: SCENARIOS[name]}
    for each in chosen:
        require_own(out / each, COMMAND)
    with console.status("starting Spark"):
        spark = spark_session(settings)
    shops = {each: Shop.opened(spark, settings, out / each) for each in chosen}
    for each, story in chosen.items():
        with console.status(f"{each}: landing, streaming, publishing"):
            story(shops[each])
