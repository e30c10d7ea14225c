"""Runs of the shop: the same bytes whatever subjects are named, and a killed run is continued.

Covers changes/run.py and changes/feed.py with recovery.py, delivery.py and changes/options.py.

Covers: generator.changes.feed, generator.changes.files, generator.changes.options, generator.changes.planned_file,
generator.changes.rotation, generator.delivery, generator.recovery, generator.built_file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.processes import output
from support.shop_runs import shop

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.options import ShopOptions
from generator.changes.run import run_shop, write_shop
from generator.manifest import read_blocks, summary
from generator.options import OptionsError

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from pathlib import Path
from generator.changes.options import ShopOptions
from generator.changes.run import run_shop
folder, every = Path(sys.argv[1]), float(sys.argv[2])
files = int(sys.argv[3]) if sys.argv[3:] else None
subjects = ("customers", "products", "orders", "order_items", "payments")
manifests = tuple(folder / "manifests" / f"{name}.jsonl" for name in subjects)
report = run_shop(ShopOptions(out=folder / "landing", subjects=subjects, manifests=manifests, every_seconds=every,
                              files=files, customers=60, products=30, orders=300),
                  lambda file: print(file.source, flush=True))
print("stopped" if report.stopped else "finished", report.files)
"""


def start_process(
    folder: Path, *, every: float = 0.0, hash_seed: str = "1", files: int | None = None
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, folder, every, *([files] if files else [])]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo"}
    return subprocess.Popen([*map(str, command)], env=environment, stdout=subprocess.PIPE, text=True)


def test_same_options_same_bytes_in_every_process_and_time_zone(tmp_path: Path) -> None:
    here = shop(tmp_path / "here")
    with start_process(tmp_path / "other", hash_seed="77", files=12) as process:
        assert "finished" in output(process).read()
    other = {str(p.relative_to(tmp_path / "other")): p.read_bytes() for p in (tmp_path / "other").rglob("*.*")}
    assert other == here.bytes_by_name()


def test_another_seed_gives_another_shop(tmp_path: Path) -> None:
    one, two = (shop(tmp_path / str(seed), files=2, seed=seed).bytes_by_name() for seed in (1, 2))
    name = "landing/customers/customers_000000.csv"
    assert one[name] != two[name]


@pytest.mark.parametrize(
    "subset", [("customers",), ("payments",), ("products", "order_items"), ("orders", "customers")]
)
def test_naming_fewer_subjects_writes_the_same_bytes_of_those(tmp_path: Path, subset: tuple[str, ...]) -> None:
    whole = shop(tmp_path / "whole").bytes_by_name()
    part = shop(tmp_path / "part", subset).bytes_by_name()
    assert part
    assert part == {name: data for name, data in whole.items() if name.split("/")[1].split(".")[0] in subset}


def test_a_second_run_goes_on_behind_the_first_as_if_it_had_been_one(tmp_path: Path) -> None:
    shop(tmp_path / "two", files=5)
    in_two = shop(tmp_path / "two", files=7)
    assert in_two.bytes_by_name() == shop(tmp_path / "one", files=12).bytes_by_name()


def test_a_subject_that_is_named_later_catches_up_and_the_others_are_left_as_they_are(tmp_path: Path) -> None:
    shop(tmp_path / "two", ("customers",), files=6)
    later = shop(tmp_path / "two", ("customers", "orders"), files=6)
    assert later.bytes_by_name() == shop(tmp_path / "one", ("customers", "orders"), files=6).bytes_by_name()


def test_the_truth_of_a_subject_that_is_ahead_is_still_that_of_all_its_files(tmp_path: Path) -> None:
    shop(tmp_path / "two", ("customers",), files=9)
    (tmp_path / "two" / "manifests" / "customers.truth.jsonl").unlink()
    later = shop(tmp_path / "two", ("customers", "orders"), files=4)
    assert later.truth("customers") == shop(tmp_path / "one", ("customers",), files=9).truth("customers")


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
@pytest.mark.parametrize("at", [1, 9, 23])
def test_a_run_that_dies_at_any_step_is_continued_without_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, at: int
) -> None:
    """Dies at one file: before it is written, or when it is announced but has not got its name."""
    calls = []
    real = getattr(Path, step)

    def dying(path: Path, *arguments: Any) -> Any:
        calls.append(path)
        if len(calls) == at:
            raise KeyboardInterrupt
        return real(path, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Path, step, dying)
        with pytest.raises(KeyboardInterrupt):
            shop(tmp_path / "two", files=8)
    days = {int(path.name.split(".")[0].split("_")[-1]) for path in (tmp_path / "two").glob("landing/payments/*.csv")}
    continued = shop(tmp_path / "two", files=8 - len(days))
    assert continued.bytes_by_name() == shop(tmp_path / "one", files=8).bytes_by_name()


def test_a_killed_process_is_continued_and_its_manifests_account_for_everything(tmp_path: Path) -> None:
    for wait in (0.1, 0.4):
        with start_process(tmp_path / "two") as process:
            output(process).readline()
            time.sleep(wait)
            process.kill()
    with start_process(tmp_path / "two", files=3) as process:
        assert "finished" in output(process).read()
    landing = tmp_path / "two" / "landing"
    for subject in SHOP_SUBJECTS:
        announced = [closing.file for closing, _ in read_blocks(tmp_path / "two" / "manifests" / f"{subject}.jsonl")]
        assert announced == sorted(str(path.relative_to(landing)) for path in (landing / subject).iterdir())
    days = len([*(landing / "payments").glob("payments_??????.csv")])
    found = {str(p.relative_to(tmp_path / "two")): p.read_bytes() for p in (tmp_path / "two").rglob("*.*")}
    assert found == shop(tmp_path / "one", files=days).bytes_by_name()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_paced_run_at_once_and_leaves_the_truth(tmp_path: Path, number: int) -> None:
    with start_process(tmp_path, every=60) as process:
        while not output(process).readline().startswith("payments/payments_000000"):
            pass
        time.sleep(0.2)
        process.send_signal(number)
        assert "stopped" in output(process).read()
    assert process.returncode == 0
    for subject in SHOP_SUBJECTS:
        lines = (tmp_path / "manifests" / f"{subject}.truth.jsonl").read_text("utf-8").splitlines()
        assert {json.loads(line)["subject"] for line in lines} == {subject}


def test_files_of_a_shop_with_other_options_are_left_alone(tmp_path: Path) -> None:
    before = shop(tmp_path, files=2).bytes_by_name()
    with pytest.raises(OptionsError, match="holds files of a shop with other options"):
        shop(tmp_path, files=1, seed=7)
    assert shop(tmp_path, files=1).bytes_by_name().items() >= {
        (name, data) for name, data in before.items() if name.startswith("landing")
    }


def test_files_that_no_manifest_speaks_of_are_left_alone(tmp_path: Path) -> None:
    run = shop(tmp_path, ("orders",), files=2)
    run.manifest("orders").unlink()
    with pytest.raises(OptionsError, match="does not know: choose another --out"):
        shop(tmp_path, ("orders",), files=1)


def test_compressed_files_hold_the_same_rows(tmp_path: Path) -> None:
    plain, packed = shop(tmp_path / "plain", files=8), shop(tmp_path / "packed", files=8, gzip=True)
    for subject in SHOP_SUBJECTS:
        assert [read for _, read, _ in packed.judged(subject)] == [read for _, read, _ in plain.judged(subject)]
        assert packed.truth(subject) == plain.truth(subject)


def test_days_that_are_not_over_are_refused_by_number(tmp_path: Path) -> None:
    start = datetime.now(UTC) - timedelta(days=3, hours=1)
    with pytest.raises(OptionsError, match="would reach day 10 from the start, but only 3 are over: choose"):
        shop(tmp_path, files=10, start=start)


def test_a_shop_that_begins_now_has_days_as_long_as_its_pace(tmp_path: Path) -> None:
    start = datetime.now(UTC) - timedelta(seconds=80)
    begun = time.monotonic()
    run = shop(tmp_path, ("orders",), files=18, start=start, day_seconds=1, every_seconds=0.1)
    assert 1.7 <= time.monotonic() - begun < 20
    assert max(read.moment for read in run.accepted("orders")) < datetime.now(UTC) - timedelta(seconds=50)


def test_a_second_generator_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with start_process(tmp_path, every=60) as process:
        output(process).readline()
        with pytest.raises(OptionsError, match="another generator is writing"):
            shop(tmp_path, ("orders",), files=1)
        process.terminate()
        output(process).read()


def test_a_set_stop_ends_the_run_after_the_current_day(tmp_path: Path) -> None:
    stop, seen = threading.Event(), []

    def on_file(report: Any) -> None:
        seen.append(report.source)
        if report.source.startswith("orders/orders_000002"):
            stop.set()

    manifests = tuple(tmp_path / f"{name}.jsonl" for name in ("customers", "orders"))
    options = ShopOptions(
        out=tmp_path / "landing", subjects=("customers", "orders"), manifests=manifests, every_seconds=0, customers=20
    )
    report = run_shop(options, on_file, stop)
    assert report.stopped
    assert seen[-1] == "orders/orders_000002.csv"


def test_the_report_and_the_manifests_count_the_same(tmp_path: Path) -> None:
    run = shop(tmp_path, fault_rate=0.1)
    found = [summary(run.manifest(subject), run.landing) for subject in SHOP_SUBJECTS]
    assert sum(each.rows for each in found) == run.report.rows
    assert sum((each.outcomes for each in found), start=found[0].outcomes.__class__()) == run.report.outcomes
    assert sum(each.files for each in found) == run.report.files


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"subjects": ("nothing",)}, "subjects must be among"),
        ({"subjects": ()}, "subjects must name at least one"),
        ({"customers": 0}, "customers must be at least 1, not 0"),
        ({"products": 0}, "products must be at least 1, not 0"),
        ({"orders": -1}, "orders must be 0 or more, not -1"),
        ({"files": 0}, "files must be at least 1, not 0"),
        ({"fault_rate": 1.5}, "rates must lie between 0 and 1"),
        ({"churn": -1}, "churn must lie between 0 and 10, not -1"),
        ({"day_seconds": 0}, "day_seconds must be 1 or more, not 0"),
    ],
)
def test_a_value_that_cannot_be_honoured_is_refused_by_name(tmp_path: Path, given: Any, sentence: str) -> None:
    with pytest.raises(OptionsError, match=sentence):
        write_shop(tmp_path, **({"subjects": SHOP_SUBJECTS} | given))


def test_the_smallest_shop_lives_too(tmp_path: Path) -> None:
    run = shop(tmp_path, customers=1, products=1, orders=30, files=30, fault_rate=0.5, late_rate=0.1)
    assert run.report.files > 150
