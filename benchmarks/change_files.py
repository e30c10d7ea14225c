"""Files of customers' changes for the benchmarks: random keys, whole rows, in order of their sequence."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.stage import Stage

SUBJECT = "customers"
FIELDS = ("first_name", "last_name", "email", "phone", "address", "city", "country", "segment", "created_at")
NAMES = ("Ana", "Bo", "Chen", "Dara", "Eli", "Fay", "Gus", "Hana")
CITIES = ("Berlin", "Lisboa", "Oslo", "Praha", "Roma", "Wien")
DELETES = 0.02
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


def change_files(stage: Stage, name: str, changes: int, keys: int, files: int, first: int = 0) -> Path:
    """Changes of random keys in order of their sequence, as flat CSV; made once."""
    folder = stage.out / name / SUBJECT
    if not (stage.out / name / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rng = np.random.default_rng([42, changes, keys])
        for number in range(files):
            size = changes // files
            rows = change_rows(rng, first + number * size, size, keys)
            pcsv.write_csv(rows, folder / f"changes_{number:06}.csv", pcsv.WriteOptions(quoting_style="none"))
        (stage.out / name / "done").touch()
    return stage.out / name


def change_rows(rng: np.random.Generator, first: int, count: int, keys: int) -> pa.Table:
    """Changes number ``first`` and on, each of a random key: whole rows, one in fifty a delete."""
    number = np.arange(first + 1, first + count + 1)
    key, deleted = rng.integers(1, keys + 1, count), rng.random(count) < DELETES
    pick = lambda words: pa.array(np.asarray(words, object)[rng.integers(0, len(words), count)])  # noqa: E731
    street = pa.array([f"{n} Main Street" for n in rng.integers(1, 400, count).tolist()])
    moment = pa.array(int(BEGIN.timestamp()) + number // 100).cast(pa.timestamp("s"))
    values = {
        "first_name": pick(NAMES),
        "last_name": pick(NAMES),
        "email": pa.array([f"user{n}@example.org" for n in key.tolist()]),
        "phone": pa.array([f"+49 {n}" for n in rng.integers(10**6, 10**7, count).tolist()]),
        "address": street,
        "city": pick(CITIES),
        "country": pick(("DE", "PT", "NO", "CZ")),
        "segment": pick(("new", "returning", "premium")),
        "created_at": pa.array(["2020-01-01T00:00:00Z"] * count),
    }
    gone = pa.array(deleted)
    return pa.table(
        {
            "change_id": pa.array([f"c-{n:012}" for n in number.tolist()]),
            "op": pc.if_else(gone, "d", "u"),
            "event_ts": pc.strftime(moment, "%Y-%m-%dT%H:%M:%SZ"),
            "seq": pa.array(number),
            "customer_id": pa.array(key),
            **{name: pc.if_else(gone, "", column) for name, column in values.items()},
        }
    )
