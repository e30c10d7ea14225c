"""Real processes for the journeys: the stream as a user starts it, the generator beside it, and what they leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyspark

from support.waiting import wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
PATIENCE = 240.0
DIES_AT_COMMIT = ROOT / "tests" / "support" / "killed_at_commit.py"


@dataclass
class Terminal:
    """A lake and a landing folder under one folder, and the commands a user would type."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        places = {"LAKE_ROOT": "lake", "LANDING_ROOT": "input", "LOG_ROOT": "logs"}
        chosen = {name: str(self.root / folder) for name, folder in places.items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        pythons = {"PATH": path, "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
        streaming = {"SPARK_MASTER": "local[2]", "TRIGGER_INTERVAL": "200 ms", "PUBLISH": "off"}
        return {**os.environ, **pythons, **chosen, **streaming, **self.env}

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.jsonl"

    def start(self, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        with (self.root / log).open("ab") as out:
            return subprocess.Popen(
                arguments, cwd=ROOT, env=self.environment, stdout=out, stderr=out, start_new_session=True
            )

    def tally(self, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "spark_jobs", *arguments)

    def submit(self, *arguments: str) -> tuple[str, ...]:
        conf = ("--master", "local[2]", "--properties-file", "config/spark-defaults.conf", "--driver-memory", "2g")
        return (str(SUBMIT), *conf, "spark_jobs/stream.py", *arguments)

    def generate(self, *, every: float) -> tuple[str, ...]:
        """Files without end: every new stream finds something new to do."""
        options = ("--every", str(every), "--manifest", str(self.manifest), "--seed", "11")
        return self.tally("generate", "ecommerce_events", *options)

    def generate_while_streams_are_killed(
        self, generate: Sequence[str], stream: Sequence[str], *, rounds: int, batches: int, chance: random.Random
    ) -> None:
        """Generate without end, and start a stream and kill it round after round; then end the generator.

        Python is killed in even rounds and the JVM in odd ones, at a random moment once so many batches are done.
        """
        generator = self.start(*generate, log="generator.out")
        try:
            for round_ in range(rounds):
                self._stream_and_kill(stream, batches, java=bool(round_ % 2), chance=chance)
            generator.send_signal(signal.SIGTERM)
            assert generator.wait(timeout=60) == 0
        finally:
            kill_session(generator)

    def _stream_and_kill(self, command: Sequence[str], batches: int, *, java: bool, chance: random.Random) -> None:
        before = self.batches()
        stream = self.start(*command, log="stream.out")
        try:
            self.wait_for_batches(before + batches, stream)
            time.sleep(chance.uniform(0.0, 1.5))  # the moment of the kill, not a wait for anything
            os.kill(java_of(stream) if java else stream.pid, signal.SIGKILL)
            assert stream.wait(timeout=60) != 0
        finally:
            kill_session(stream)

    def stream_to_the_end(self, *subjects: str) -> None:
        done = self.run(*self.tally("stream", *subjects, "--once"))
        assert done.returncode == 0, done.stderr

    def run_killed_at_commit(self, table: str, *command: str) -> None:
        """Run a command of tally whose process is killed right before it commits to the table."""
        done = self.run(sys.executable, str(DIES_AT_COMMIT), table, *command)
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=480
        )

    def audit(self, subject: str = "ecommerce_events") -> dict[str, Any]:
        (found,) = self.audits(subject, manifest=self.manifest)
        return found

    def audits(self, *subjects: str, manifest: Path) -> list[dict[str, Any]]:
        done = self.run(*self.tally("audit", *subjects, "--manifest", str(manifest), "--json"))
        assert done.stdout, done.stderr
        found = json.loads(done.stdout)
        assert (done.returncode == 0) == all(one["balanced"] for one in found), done.stderr
        return [dict(one) for one in found]

    def batches(self) -> int:
        return self.log("spark_streaming").count("COMPLETED SUCCESSFULLY")

    def log(self, name: str) -> str:
        return "".join(path.read_text() for path in sorted((self.root / "logs").glob(f"{name}_*.log")))

    def wait_for_batches(self, count: int, process: subprocess.Popen[bytes]) -> None:
        wait_for(lambda: self.batches() >= count, process)


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until it happened, as long as the process lives that is to make it happen."""

    def is_done() -> bool:
        done = happened()
        assert done or process.poll() is None, "the process ended by itself"
        return done

    wait_until(is_done, at_most=PATIENCE)


def java_of(process: subprocess.Popen[bytes]) -> int:
    """The JVM in a stream's session."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,comm=", "-s", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout
    return next(int(line.split()[0]) for line in listed.splitlines() if line.split()[1] == "java")


def output(process: subprocess.Popen[str]) -> IO[str]:
    """What a process writes; it was started with a pipe."""
    assert process.stdout is not None
    return process.stdout


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of a process group that a test started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait(timeout=60)
