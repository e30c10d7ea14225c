"""``tally generate`` without its terminal: one options object for all subjects, and their runs at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from generator.changes.contracts import SHOP_SUBJECTS
from generator.changes.options import DAY_SECONDS, ShopOptions
from generator.changes.run import run_shop
from generator.delivery import FileReport, RunReport, ignore_report, stop_event
from generator.events.options import KNOWN_SUBJECTS, EventOptions
from generator.events.run import run_events
from generator.options import DEFAULT_START, OptionsError, parse_start

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

OnFile = Callable[[FileReport], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """The options of one ``tally generate``, for events and shop alike; ``runs`` are those of each run.

    ``subjects`` are distinct. ``out`` is the landing root. ``manifest`` is a file where it is no folder and one subject
    is named, else the folder of the manifests (None: ``manifests`` next to ``out``). ``start`` is a time in ISO form or
    ``now`` (None: 2026-01-01). ``rows`` counts the rows of a file of events; the other options are as in RunOptions and
    ShopOptions. Raises OptionsError for a value that cannot be honoured, before anything is written.
    """

    subjects: Sequence[str]
    out: Path
    rows: int = 100
    files: int | None = None
    every_seconds: float = 5.0
    fault_rate: float = 0.02
    seed: int = 42
    manifest: Path | None = None
    start: str | None = None
    duplicate_rate: float | None = None
    late_rate: float | None = None
    gzip: bool = False
    customers: int = 1_000
    products: int = 500
    orders: int = 5_000
    runs: tuple[EventOptions | ShopOptions, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subjects", _distinct_known(self.subjects))
        shared = self._shared()
        object.__setattr__(self, "runs", (*self._event_runs(shared), *self._shop_runs(shared)))

    def manifest_of(self, subject: str) -> Path:
        """Return the path of a subject's manifest."""
        if self.manifest is not None and len(self.subjects) == 1 and not self.manifest.is_dir():
            return self.manifest
        return (self.manifest or self.out.parent / "manifests") / f"{subject}.jsonl"

    def _shared(self) -> dict[str, Any]:
        names = ("out", "files", "every_seconds", "seed", "fault_rate", "duplicate_rate", "late_rate", "gzip")
        start = DEFAULT_START if self.start is None else parse_start(self.start, now=datetime.now(UTC))
        return {"start": start, **{name: getattr(self, name) for name in names}}

    def _event_runs(self, shared: dict[str, Any]) -> list[EventOptions]:
        """Return the options of the run of events, if they are wanted."""
        begins_now, every = self.start == "now", self.every_seconds
        return [
            EventOptions(
                subject=subject,
                manifest=self.manifest_of(subject),
                rows_per_file=self.rows,
                events_per_second=self.rows / every if begins_now and every else 2.0,
                **shared,
            )
            for subject in KNOWN_SUBJECTS
            if subject in self.subjects
        ]

    def _shop_runs(self, shared: dict[str, Any]) -> list[ShopOptions]:
        """Return the options of the shop's run, if any of its subjects is wanted."""
        subjects = tuple(name for name in SHOP_SUBJECTS if name in self.subjects)
        if not subjects:
            return []
        options = ShopOptions(
            subjects=subjects,
            manifests=tuple(map(self.manifest_of, subjects)),
            customers=self.customers,
            products=self.products,
            orders=self.orders,
            # A shop that begins now has no past days to write: a day lasts as long as there is between two files.
            day_seconds=max(self.every_seconds, 1.0) if self.start == "now" else DAY_SECONDS,
            **shared,
        )
        return [options]


def _distinct_known(subjects: Sequence[str]) -> tuple[str, ...]:
    wanted, known = tuple(dict.fromkeys(subjects)), (*KNOWN_SUBJECTS, *SHOP_SUBJECTS)
    if unknown := [name for name in wanted if name not in known]:
        raise OptionsError(f"subject must be one of {', '.join(known)}, not {', '.join(unknown)}")
    return wanted


def generate(options: GenerateOptions, on_file: OnFile = ignore_report) -> list[RunReport]:
    """Run all at once until their files are written or a signal asks to stop; one that fails stops the others."""
    with stop_event() as stop, ThreadPoolExecutor(len(options.runs)) as threads:
        started = [threads.submit(_run, run, on_file, stop) for run in options.runs]
        return [each.result() for each in started]


def _run(options: EventOptions | ShopOptions, on_file: OnFile, stop: threading.Event) -> RunReport:
    try:
        if isinstance(options, ShopOptions):
            return run_shop(options, on_file, stop)
        return run_events(options, on_file, stop)
    except BaseException:
        stop.set()
        raise
