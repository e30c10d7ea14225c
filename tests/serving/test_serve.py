"""Covers serving/serve.py, through the command ``tally serve``.

Covers: spark_jobs.cli.serve.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.shop_tables import fill
from support.waiting import wait_until

from config.postgres import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.postgres_servers import Debian

NOWHERE = {"DATABASE_URL": "postgresql://shop:s3cret-word@127.0.0.1:1/shop"}
SERVE = (sys.executable, "-m", "spark_jobs", "serve")


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings of the server and the database, and with the given ones."""
    said = ("SERVE_", "API_KEY", "POSTGRES_", "DATABASE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(said)} | dict(env)


@contextmanager
def running(env: Mapping[str, str], *options: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run `tally serve` on a free port; yield the process, its URL and its line of output."""
    command = (*SERVE, "--port", "0", *options)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(env), **pipes) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            yield process, next(word for word in said.split() if word.startswith("http://")), said
        finally:
            process.kill()


def refused(env: Mapping[str, str], *options: str) -> str:
    """Return the error of a `tally serve` that does not start; its exit code is 2."""
    done = subprocess.run(
        (*SERVE, *options), env=environment(env), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_exit_code_0_at_both_signals(number: signal.Signals) -> None:
    with running(NOWHERE) as (process, address, _):
        assert httpx.get(f"{address}/health").json() == {"status": "ok"}
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (0, "", "")


def test_it_says_where_it_is_and_where_its_database_is_without_a_password() -> None:
    with running(NOWHERE) as (_, address, said):
        assert address.startswith("http://127.0.0.1:")
        assert "127.0.0.1:1/shop" in said
        away = httpx.get(f"{address}/api/v1/status")
    assert away.status_code == 503
    assert "s3cret-word" not in said + away.text


def test_it_starts_while_the_database_is_away_and_serves_once_it_is_there(debian: Debian, tmp_path: Path) -> None:
    owner = connect(debian.database, "owner", application="tests")
    fill(owner, tmp_path / "lake", batches=2)
    owner.close()
    debian.stop()
    with running(debian.env) as (_, address, _):
        assert httpx.get(f"{address}/api/v1/segments").status_code == 503
        assert httpx.get(f"{address}/ready").json() == {"ready": False, "database": "away", "last_batch_at": None}
        debian.start()
        assert httpx.get(f"{address}/api/v1/segments").status_code == 200
        wait_until(lambda: httpx.get(f"{address}/ready").json()["ready"])  # it is at most a second old
        assert httpx.get(f"{address}/ready").json()["last_batch_at"] == "2026-01-27T13:00:01.500000Z"


def test_others_are_served_only_with_a_key() -> None:
    assert "set API_KEY to at least 16 characters" in refused(NOWHERE, "--host", "0.0.0.0")
    assert "set API_KEY to at least 16 characters" in refused({**NOWHERE, "SERVE_HOST": "::"})
    with running({**NOWHERE, "API_KEY": "0123456789abcdef"}, "--host", "0.0.0.0") as (_, address, _):
        assert httpx.get(f"{address}/api/v1/status").status_code == 401


def test_an_address_that_is_not_this_machines_is_refused() -> None:
    env = {**NOWHERE, "API_KEY": "0123456789abcdef"}
    assert "cannot be listened to" in refused(env, "--host", "192.0.2.1")
    assert "cannot be listened to" in refused(env, "--host", "none.invalid")


def test_without_the_servings_packages_it_says_what_to_install() -> None:
    hidden = "import sys; sys.modules['uvicorn'] = None; from spark_jobs.cli.app import main; sys.exit(main(['serve']))"
    done = subprocess.run((sys.executable, "-c", hidden), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "pip install 'tallylake[serving]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_a_sentence_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "spark_jobs", "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "cannot be listened to" in done.stderr
    assert "Traceback" not in done.stderr
