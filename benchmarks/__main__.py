"""``python -m benchmarks``: throughput against bare Spark, the cost of a small batch by step, changes against MERGE, gold,
and from a file's arrival to Postgres."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

from benchmarks import api, bulk_orders, changes, end_to_end, gold, small_batches, throughput
from benchmarks.stage import Stage

ALL = ("end_to_end", "api", "throughput", "batches", "changes", "orders", "gold")


def main() -> None:
    """Run the chosen benchmarks and print their figures, as JSON with --json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("which", nargs="*", choices=ALL, default=ALL)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the throughput run, in 100 files")
    parser.add_argument(
        "--history", type=int, default=10_000_000, help="rows already in Silver for the second batch run"
    )
    parser.add_argument("--changes", type=int, default=1_000_000, help="changes of the changes run, in 20 files")
    parser.add_argument("--keys", type=int, default=100_000, help="keys that they are of")
    parser.add_argument(
        "--many", type=int, default=5_000_000, help="keys in the lake for the second run of small batches"
    )
    parser.add_argument("--orders", type=int, default=10_000, help="orders of the bulk load")
    parser.add_argument("--orders-a-day", type=int, default=5_000, help="orders of each day of the gold runs")
    parser.add_argument("--lines", type=int, default=1_200_000, help="lines of the star that questions are put to")
    parser.add_argument("--facts", type=int, default=1_000_000, help="facts and events that the API is asked about")
    parser.add_argument("--seconds", type=int, default=120, help="seconds of the run from files to Postgres")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each throughput run; the median counts")
    parser.add_argument("--out", type=Path, default=Path("data/bench"), help="where files and lakes are made")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    }
    if "end_to_end" in chosen.which:  # before a Spark of the benchmarks' own runs beside it
        figures["end_to_end"] = end_to_end.measure(chosen.out.resolve(), chosen.seconds)
    if "api" in chosen.which:
        figures["api"] = api.measure(chosen.out.resolve(), chosen.facts)
    if with_spark := [name for name in ALL[2:] if name in chosen.which]:
        _with_spark(with_spark, chosen, figures)
    print(json.dumps(figures, indent=None if chosen.json else 2, default=str))


def _with_spark(which: list[str], chosen: argparse.Namespace, figures: dict[str, object]) -> None:
    stage = Stage(chosen.out)
    if "throughput" in which:
        figures["throughput"] = throughput.measure(stage, chosen.rows, chosen.rounds)
    if "batches" in which:
        figures["batches"] = small_batches.measure(stage, chosen.history)
    if "changes" in which:
        figures["changes"] = changes.measure(stage, chosen.changes, chosen.keys, chosen.rounds, chosen.many)
    if "orders" in which:
        figures["orders"] = bulk_orders.measure(stage, chosen.orders)
    if "gold" in which:
        figures["gold"] = gold.measure(stage, chosen.orders_a_day, chosen.lines, chosen.rounds)


if __name__ == "__main__":
    main()
