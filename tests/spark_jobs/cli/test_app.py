"""The command line as a whole: what it lists, how it ends, and what it does without."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spark_jobs.cli.app import COMMANDS, main

SLOW = ("pyspark", "pyarrow", "numpy", "sqlglot", "deltalake")


def test_help_imports_nothing_that_is_slow() -> None:
    code = f"""
import sys
from spark_jobs.cli.app import main
try:
    main(["--help"])
except SystemExit as ended:
    assert ended.code == 0
assert not [name for name in {SLOW} if name in sys.modules]
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for name in (*(command.__name__.replace("_", "-") for command in COMMANDS), "registry", "gold"):
        assert f" {name} " in shown


@pytest.mark.parametrize("arguments", [["nonsense"], ["status", "--nonsense"], ["why"]])
def test_wrong_usage_ends_with_2_and_shows_nothing_on_standard_output(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""
