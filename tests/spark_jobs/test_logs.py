from __future__ import annotations

import logging
import stat
from typing import TYPE_CHECKING

import pytest

from spark_jobs.logs import DailyFile, log_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG = logging.getLogger("tallylake")


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    before = list(LOG.handlers), LOG.level, LOG.propagate
    yield
    for handler in LOG.handlers:
        handler.close()
    LOG.handlers[:], LOG.level, LOG.propagate = before


def record(created: float, message: str = "hello", *args: object) -> logging.LogRecord:
    made = logging.LogRecord("tallylake", logging.INFO, "", 0, message, args, None)
    made.created = created
    return made


NOON = 1_769_688_000.0


def test_a_line_has_its_time_level_and_message_in_the_file_of_its_day(tmp_path: Path) -> None:
    handler = DailyFile(tmp_path / "logs", "stream")
    handler.emit(record(NOON))
    handler.emit(record(NOON + 86_400, "next %s", "day"))
    handler.emit(record(NOON, "late"))
    handler.close()
    texts = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert [(name, [line[19:] for line in text.splitlines()]) for name, text in sorted(texts.items())] == [
        ("stream_20260129.log", [" | INFO     |  hello", " | INFO     |  late"]),
        ("stream_20260130.log", [" | INFO     |  next day"]),
    ]
    assert texts["stream_20260129.log"].startswith("2026-01-29 ")


def test_others_of_this_machine_cannot_read_it(tmp_path: Path) -> None:
    handler = DailyFile(tmp_path / "data" / "logs", "stream")
    handler.emit(record(NOON))
    handler.close()
    (path,) = (tmp_path / "data" / "logs").iterdir()
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def test_a_line_that_cannot_be_written_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").touch()
    for handler, made in [
        (DailyFile(tmp_path / "logs", "stream"), record(NOON)),
        (DailyFile(tmp_path, "stream"), record(NOON, "%d", "no number")),
    ]:
        handler.emit(made)
        handler.close()
    assert capsys.readouterr().err.count("--- Logging error ---") == 2


def test_logging_set_up_twice_writes_each_line_once_and_at_the_level_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to(tmp_path, "a", "DEBUG", console=True)
    log_to(tmp_path, "b", "INFO", console=True)
    LOG.debug("unseen")
    logging.getLogger("tallylake.refine").info("seen ä")
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("b_")
    assert path.read_text(encoding="utf-8").count("INFO     |  seen ä\n") == 1
    assert capsys.readouterr().err.endswith("| INFO     |  seen ä\n")


def test_no_line_goes_to_the_terminal_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_to(tmp_path, "a", "INFO", console=False)
    LOG.info("quiet")
    assert capsys.readouterr() == ("", "")
