"""Progress of long commands: a line that changes while they run, and is gone afterwards."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from spark_jobs.render.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """A line with what is being done and how far it is."""

    _progress: Progress
    _task: TaskID

    def describe(self, text: str) -> None:
        """Say what is being done from now on."""
        self._progress.update(self._task, description=text)

    def advance(self, steps: int = 1) -> None:
        """Move on by so many steps of the total."""
        self._progress.advance(self._task, steps)


@contextmanager
def show_progress(text: str = "", *, total: int | None = None, quiet: bool = False) -> Iterator[ProgressLine]:
    """Show a bar of ``total`` steps, a spinner without a total, while the block runs; nothing if ``quiet`` or not on a terminal."""
    with Progress(
        *_columns(bar=total is not None), console=console, transient=True, disable=quiet or not console.is_terminal
    ) as progress:
        yield ProgressLine(progress, progress.add_task(text, total=total))


def _columns(*, bar: bool) -> tuple[ProgressColumn, ...]:
    text = TextColumn("{task.description}", markup=False)
    return (text, BarColumn(), TimeElapsedColumn()) if bar else (SpinnerColumn(), text, TimeElapsedColumn())


def show_spinner(text: str) -> AbstractContextManager[object]:
    """Show a spinner with a text while the block runs."""
    return console.status(text)
