"""Log files, one a day, with lines of the form ``2026-01-29 10:30:20 | INFO     |  message``."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from config.escaping import escape_controls, shorten

if TYPE_CHECKING:
    from pathlib import Path

LINE_FORMAT = "%(asctime)s | %(levelname)-8s |  %(message)s"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
#: A message is written up to this many characters: values of rows may be in it.
LONGEST = 4_000


class Formatter(logging.Formatter):
    """Formats a record as one line, whatever its text, and a stack trace as indented lines, which look like no record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line, with the message escaped and shortened; called once the message was put together."""
        record.message = shorten(escape_controls(record.message), LONGEST)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the stack trace and the error's message, escaped and indented."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        """Return the stack of the place that logged the record, escaped and indented."""
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    return "\n".join(f"    {escape_controls(line)}" for line in text.split("\n"))


class DailyFile(logging.Handler):
    """Appends to ``<root>/<name>_YYYYMMDD.log``, by the local date of each record."""

    def __init__(self, root: Path, name: str) -> None:
        super().__init__()
        self._root, self._name = root, name
        self._day = ""
        self._file: IO[str] | None = None
        self.setFormatter(Formatter(LINE_FORMAT, TIME_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, in the file of its day."""
        try:
            day = datetime.fromtimestamp(record.created).strftime("%Y%m%d")  # noqa: DTZ006
            if self._file is None or day != self._day:
                self._close_file()
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._day = day
                path = self._root / f"{self._name}_{day}.log"
                self._file = open(path, "a", encoding="utf-8", opener=_private)  # noqa: SIM115 - closed with the day
            self._file.write(self.format(record) + "\n")
            self._file.flush()
        except Exception:  # as every handler of the standard library: a log line never stops the work
            self.handleError(record)

    def close(self) -> None:
        """Close the file of the day."""
        self._close_file()
        super().close()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _private(path: str, flags: int) -> int:
    """Open a log for its owner alone: it names files and values of rows."""
    return os.open(path, flags, 0o600)


def escape_unconfigured_logs() -> None:
    """Escape warnings that go to the terminal because no log was set up."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Formatter())


def log_to(root: Path, name: str, level: str, *, console: bool) -> None:
    """Send the log of ``tallylake`` to the daily files of that name and, with ``console``, to the terminal."""
    logger = logging.getLogger("tallylake")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)
    logger.propagate = False
    logger.addHandler(DailyFile(root, name))
    if console:
        stream = logging.StreamHandler()
        stream.setFormatter(Formatter(LINE_FORMAT, TIME_FORMAT))
        logger.addHandler(stream)
