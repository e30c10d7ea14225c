"""Commands to try next work where they are shown: with ``tally`` on the PATH or not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spark_jobs.demo.commands import lake_command, tally


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs of a virtual environment in the current folder; none of them is on the PATH."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)
    return programs


def install(programs: Path) -> None:
    (programs / "tally").touch(mode=0o755)


def test_on_the_path_it_is_called_by_name(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(environment)
    monkeypatch.setenv("PATH", str(environment))
    assert tally() == "tally"


def test_elsewhere_it_is_called_by_its_path_from_here(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(environment)
    assert tally() == ".venv/bin/tally"
    (environment.parent / "other").mkdir()
    monkeypatch.chdir(environment.parent / "other")
    assert tally() == str(environment / "tally")


def test_where_it_is_not_installed_python_runs_the_package(environment: Path) -> None:
    assert tally() == f"{environment / 'python'} -m spark_jobs"


def test_a_command_names_the_lake_and_quotes_its_folder(environment: Path) -> None:
    install(environment)
    assert lake_command(Path("my data"), "status") == (
        "LAKE_ROOT='my data/lake' LANDING_ROOT='my data/input' .venv/bin/tally status"
    )
