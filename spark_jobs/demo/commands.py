"""Commands to try next, as they can be typed where the user is."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from shlex import quote


def tally() -> str:
    """Return how to call ``tally`` from here: by name if it is on the PATH, else by the path of this environment's own."""
    if shutil.which("tally"):
        return "tally"
    installed = Path(sys.executable).with_name("tally")
    if not installed.is_file():
        return f"{quote(sys.executable)} -m spark_jobs"
    here = Path.cwd()
    return quote(str(installed.relative_to(here) if installed.is_relative_to(here) else installed))


def lake_command(folder: Path, arguments: str) -> str:
    """Return the tally command with these arguments for the lake that lies under ``folder``."""
    return f"LAKE_ROOT={quote(f'{folder}/lake')} LANDING_ROOT={quote(f'{folder}/input')} {tally()} {arguments}"
