"""The log files: one a day, in the form ``2026-01-29 10:30:20 | INFO     |  message``."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FORM = "%(asctime)s | %(levelname)-8s |  %(message)s"
TIME = "%Y-%m-%d %H:%M:%S"


class DailyFile(logging.Handler):
    """Appends to ``<root>/<name>_YYYYMMDD.log``, by the local date of each record."""

    def __init__(self, root: Path, name: str) -> None:
        super().__init__()
        self._root, self._name = root, name
        self._day = ""
        self._file: IO[str] | None = None
        self.setFormatter(logging.Formatter(FORM, TIME))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, in the file of its day."""
        try:
            day = datetime.fromtimestamp(record.created).strftime("%Y%m%d")  # noqa: DTZ006
            if self._file is None or day != self._day:
                self._close_file()
                self._root.mkdir(parents=True, exist_ok=True)
                self._day = day
                self._file = (self._root / f"{self._name}_{day}.log").open("a", encoding="utf-8")
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


def log_to(root: Path, name: str, level: str, *, console: bool) -> None:
    """Send the product's log to today's file, and to the terminal where wanted."""
    logger = logging.getLogger("tallylake")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)
    logger.propagate = False
    logger.addHandler(DailyFile(root, name))
    if console:
        stream = logging.StreamHandler()
        stream.setFormatter(logging.Formatter(FORM, TIME))
        logger.addHandler(stream)
