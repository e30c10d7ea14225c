"""``tally settings``: every setting, its value and where it came from."""

from __future__ import annotations

from config.settings import exposed
from config.settings import load as load_settings
from spark_jobs.cli.options import Json
from spark_jobs.render.terminal import complain, show_json, show_table


def settings(json: Json = False) -> None:
    """Show all settings, their values and where each came from; secrets are masked."""
    loaded = load_settings()
    rows = loaded.rows()
    if names := exposed(loaded):
        complain(f"others of this machine can read {', '.join(names)}: chmod 600 .env", style="yellow")
    if json:
        show_json([row._asdict() for row in rows])
    else:
        show_table("Settings", ["group", "variable", "value", "from"], rows, whole=True)
