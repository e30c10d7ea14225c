"""Shared by several commands: options, and the settings, lake, subjects and dates that they name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings
from config.settings import load as load_settings
from spark_jobs.errors import UsageError
from spark_jobs.logs import log_to

if TYPE_CHECKING:
    from schema_registry.registry import Registry, Subject
    from spark_jobs.lake import Lake

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]
Subjects = Annotated[list[str] | None, typer.Argument(help="Subjects by name; all if none is named.")]


def load_settings_and_log(log_name: str) -> Settings:
    """Load the settings, and send the log to the terminal and to the files of that name from now on."""
    settings = load_settings()
    log_to(settings.lake.logs, log_name, settings.monitoring.log_level, console=True)
    return settings


def lake_of(settings: Settings) -> Lake:
    """Return the lake that the settings name, whether it exists or not."""
    from spark_jobs.lake import Lake

    return Lake(settings.lake.root.resolve())


def load_registry(settings: Settings) -> Registry:
    """Load the contracts of all subjects."""
    from schema_registry.registry import load

    return load(settings.lake.contracts)


def load_subjects(settings: Settings, names: Sequence[str] | None) -> list[Subject]:
    """Load the subjects with these names, all of the registry's where none is named. UnknownSubjectError for a wrong name."""
    registry = load_registry(settings)
    return [registry.subject(name) for name in names or sorted(registry.subjects)]


def parse_date(text: str, option: str) -> date:
    """Parse YYYY-MM-DD and no other form; UsageError names the option and the form."""
    with suppress(ValueError):
        parsed = date.fromisoformat(text)
        if str(parsed) == text:  # Python takes weeks such as 2026-W13-2 too
            return parsed
    raise UsageError(f"{option} '{text}' is no date: write YYYY-MM-DD, such as 2026-03-31")


def exit_if(failed: bool) -> None:
    """End the command with exit code 1 if the data says no."""
    if failed:
        raise typer.Exit(1)
