"""What the commands have in common: settings with a log beside them, the lake, and the subjects that were named."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from config.settings import Settings
from config.settings import load as load_settings
from schema_registry.registry import Subject
from schema_registry.registry import load as load_registry
from spark_jobs.errors import UsageError
from spark_jobs.lake import Lake
from spark_jobs.logs import log_to


def logged_settings(log_name: str, *, console: bool) -> Settings:
    """The settings, once what happens from now on is logged under that name."""
    loaded = load_settings()
    log_to(loaded.lake.logs, log_name, loaded.monitoring.log_level, console=console)
    return loaded


def lake_of(loaded: Settings) -> Lake:
    """The lake that the settings name."""
    return Lake(loaded.lake.root.resolve())


def chosen_subjects(loaded: Settings, names: Sequence[str] | None) -> list[Subject]:
    """The subjects with these names, all of the registry's where none is named."""
    registry = load_registry(loaded.lake.contracts)
    return [registry.subject(name) for name in names or sorted(registry.subjects)]


def as_date(text: str, option: str) -> date:
    """A date as it is written; UsageError names the option and the form."""
    with suppress(ValueError):
        found = date.fromisoformat(text)
        if str(found) == text:  # Python takes weeks such as 2026-W13-2 too
            return found
    raise UsageError(f"{option} '{text}' is no date: write YYYY-MM-DD, such as 2026-03-31")
