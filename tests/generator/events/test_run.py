"""Runs that write events: the same bytes every time, whole files or none, and a killed run is continued.

Covers events/run.py with recovery.py and delivery.py; changes/test_run.py covers the last two for the shop.

Covers: generator.events.files, generator.events.options.
"""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.processes import output

from generator.events import run as event_run
from generator.events.files import FileBuilder
from generator.events.options import EventOptions
from generator.events.plan import World
from generator.manifest import read_blocks
from generator.options import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.event_runs import Run

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from pathlib import Path
from generator.events.run import run_events
from generator.events.options import EventOptions
folder, rows, every = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
files = int(sys.argv[4]) if sys.argv[4:] else None
report = run_events(EventOptions(out=folder / "landing", manifest=folder / "manifest.jsonl", rows_per_file=rows,
                              every_seconds=every, files=files), lambda file: print(file.source, flush=True))
print("stopped" if report.stopped else "finished", report.files)
"""


def start_process(
    folder: Path, *, rows: int = 200, every: float = 0.0, hash_seed: str = "1", files: int | None = None
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, folder, rows, every, *([files] if files else [])]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
    return subprocess.Popen([*map(str, command)], env=environment, stdout=subprocess.PIPE, text=True)


def test_same_options_same_bytes_in_every_process_and_time_zone(
    tmp_path: Path, generated: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = generated(rows_per_file=200, files=20)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with start_process(tmp_path / "other", hash_seed="77", files=20) as process:
        assert output(process).read().endswith("finished 25\n")
    other = tmp_path / "other"
    found = {path.name: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    assert found == here.bytes_by_name()


def test_another_seed_gives_other_rows(tmp_path: Path, generated: Callable[..., Run]) -> None:
    one = generated(files=2)
    two = generated(files=2, seed=43, out=tmp_path / "two", manifest=tmp_path / "two.jsonl")
    assert one.bytes_by_name()["events_000001.csv"] != two.bytes_by_name()["events_000001.csv"]


def test_a_file_depends_on_its_number_alone(generated: Callable[..., Run]) -> None:
    run = generated(files=30)
    world = World(run.options, 1, 1_767_225_600_000)
    name = "events_000031.csv"
    assert FileBuilder(world).build(31).data == run.bytes_by_name()[name]


def test_rows_are_never_seen_under_the_final_name_before_they_are_all_there(
    generated: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    rename = Path.replace

    def watched(path: Path, target: Path) -> Path:
        steps.append((path.name, target.exists(), path.stat().st_size))
        assert [closing.file for closing, _ in read_blocks(manifest)][-1] == f"ecommerce_events/{target.name}"
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    manifest: Any = None

    def remember(options: Any) -> Any:
        nonlocal manifest
        manifest = options.manifest
        return resumed(options)

    resumed = event_run.resumed_world
    monkeypatch.setattr(event_run, "resumed_world", remember)
    run = generated(files=8)
    assert [name for name, *_ in steps] == [f".{Path(file.source).name}.tmp" for file in run.files]
    assert not any(existed for _, existed, _ in steps)
    assert [size for *_, size in steps] == [file.bytes for file in run.files]
    assert not [name for name in run.bytes_by_name() if name.endswith(".tmp")]


def test_a_second_run_goes_on_behind_the_first_as_if_it_had_been_one(
    tmp_path: Path, generated: Callable[..., Run]
) -> None:
    generated(files=7)
    in_two = generated(files=8)
    in_one = generated(files=15, out=tmp_path / "one", manifest=tmp_path / "one" / "manifest.jsonl")
    assert in_two.bytes_by_name() == in_one.bytes_by_name()


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_run_that_dies_at_any_step_is_continued_without_a_trace(
    tmp_path: Path, generated: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Dies at its sixth file: before it is written, or when it is announced but has not got its name."""
    calls = []
    real = getattr(Path, step)

    def dying(path: Path, *arguments: Any) -> Any:
        calls.append(path)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(path, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Path, step, dying)
        with pytest.raises(KeyboardInterrupt):
            generated(files=10)
    continued = generated(files=6)
    whole = generated(files=10, out=tmp_path / "one", manifest=tmp_path / "one" / "manifest.jsonl")
    names = set(whole.bytes_by_name())
    assert {name: data for name, data in continued.bytes_by_name().items() if name in names - {"manifest.jsonl"}} == {
        name: data for name, data in whole.bytes_by_name().items() if name != "manifest.jsonl"
    }
    assert continued.options.manifest.read_bytes().startswith(whole.options.manifest.read_bytes())


def test_a_torn_manifest_line_is_cut_off(tmp_path: Path, generated: Callable[..., Run]) -> None:
    run = generated(files=4)
    with run.options.manifest.open("a", encoding="utf-8") as manifest:
        manifest.write('{"source": "ecommerce_events/events_000006.csv", "posi')
    continued = generated(files=4)
    whole = generated(files=8, out=tmp_path / "one", manifest=tmp_path / "one" / "manifest.jsonl")
    assert continued.bytes_by_name() == whole.bytes_by_name()


def test_a_killed_generator_leaves_a_landing_that_its_manifest_accounts_for(tmp_path: Path) -> None:
    for wait in (0.5, 0.7, 0.9):
        with start_process(tmp_path, rows=50) as process:
            output(process).readline()
            time.sleep(wait - 0.4)
            process.kill()
    with start_process(tmp_path, rows=50, files=5) as process:
        assert "finished" in output(process).read()
    manifest, landing = tmp_path / "manifest.jsonl", tmp_path / "landing"
    announced = [closing.file for closing, _ in read_blocks(manifest)]
    delivered = sorted(str(path.relative_to(landing)) for path in landing.rglob("*") if path.is_file())
    assert announced == delivered
    assert delivered[-1] == f"ecommerce_events/events_{len(delivered):06d}.csv"


def test_other_options_begin_a_new_world_behind_the_old_one(generated: Callable[..., Run]) -> None:
    old = {row.event_id for row in generated(rows_per_file=500, files=3).rows()}
    after = generated(rows_per_file=40, files=30, duplicate_rate=0.2)
    new = [row for row in after.rows() if int(row.source[-10:-4]) > 3]
    assert len(new) == 30 * 40 + 3 * 5
    assert old & {row.event_id for row in new} <= {None}
    latest = [closing for closing, _ in read_blocks(after.options.manifest)]
    assert latest[3].origin_ms == latest[2].until_ms


def test_files_without_a_manifest_are_not_overwritten(generated: Callable[..., Run]) -> None:
    before = generated(files=3)
    before.options.manifest.unlink()
    after = generated(files=1)
    assert [file.source for file in after.files] == ["ecommerce_events/events_000004.csv"]


def test_delivered_files_that_were_taken_away_are_not_made_again(generated: Callable[..., Run]) -> None:
    before = generated(files=3)
    for file in before.files:
        (before.landing / file.source).unlink()
    assert generated(files=1).files[0].source == "ecommerce_events/events_000004.csv"


def test_a_manifest_that_is_something_else_is_left_alone(generated: Callable[..., Run], tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("dear diary\n")
    with pytest.raises(OptionsError, match="is no manifest of this generator"):
        generated(files=1, manifest=other)
    assert other.read_text() == "dear diary\n"


def test_compressed_files_hold_the_same_rows_and_the_same_bytes_each_time(
    tmp_path: Path, generated: Callable[..., Run]
) -> None:
    plain = generated(files=3).bytes_by_name()
    packed = [
        generated(files=3, gzip=True, out=tmp_path / name, manifest=tmp_path / f"{name}.jsonl").bytes_by_name()
        for name in ("one", "two")
    ]
    assert gzip.decompress(packed[0]["events_000001.csv.gz"]) == plain["events_000001.csv"]
    assert packed[0]["events_000003.csv.gz"] == packed[1]["events_000003.csv.gz"]


def test_a_set_stop_ends_the_run_after_the_current_file(generated: Callable[..., Run]) -> None:
    stop = threading.Event()
    seen = []

    def on_file(report: Any) -> None:
        seen.append(report)
        if len(seen) == 2:
            stop.set()

    options = generated(files=1).options
    report = event_run.run_events(options, on_file, stop)
    assert report.stopped is False
    report = event_run.run_events(
        EventOptions(out=options.out, manifest=options.manifest, every_seconds=0), on_file, stop
    )
    assert (report.stopped, report.files, len(seen)) == (True, 1, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_paced_run_at_once_and_cleanly(tmp_path: Path, number: int) -> None:
    with start_process(tmp_path, every=60) as process:
        assert output(process).readline() == "ecommerce_events/events_000001.csv\n"
        process.send_signal(number)
        assert output(process).read() == "stopped 1\n"
    assert process.returncode == 0


def test_a_paced_run_keeps_its_pace(generated: Callable[..., Run]) -> None:
    begun = time.monotonic()
    generated(files=4, rows_per_file=10, every_seconds=0.2)
    assert 0.6 <= time.monotonic() - begun < 2


def test_the_simulated_clock_stays_a_minute_behind_the_wall_clock(generated: Callable[..., Run]) -> None:
    stop = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    stop.start()
    start = datetime.now(UTC) - timedelta(minutes=3)
    run = generated(start=start, events_per_second=10, rows_per_file=100)
    latest = [closing.until_ms for closing, _ in read_blocks(run.options.manifest)]
    assert run.report.stopped
    assert 2 <= len(latest) < 60
    assert max(latest) <= (datetime.now(UTC) - timedelta(minutes=1)).timestamp() * 1_000


def test_a_start_in_the_future_is_refused(generated: Callable[..., Run]) -> None:
    with pytest.raises(OptionsError, match="start must not lie in the future"):
        generated(start=datetime.now(UTC) + timedelta(days=1))


def test_a_second_generator_on_the_same_folder_is_refused(generated: Callable[..., Run], tmp_path: Path) -> None:
    with start_process(tmp_path, every=60) as process:
        output(process).readline()
        with pytest.raises(OptionsError, match="another generator is writing"):
            generated(files=1)
        process.terminate()
        output(process).read()
