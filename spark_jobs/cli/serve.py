"""``tally serve``: the API and the dashboard."""

from __future__ import annotations

from typing import Annotated

import typer

from config.postgres_login import display_name
from config.settings import load as load_settings
from spark_jobs.errors import UsageError
from spark_jobs.render.terminal import say


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: SERVE_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one. [default: SERVE_PORT]")
    ] = None,
) -> None:
    """Serve the API and the dashboard over Postgres, read-only, until Ctrl-C. Listening to other machines needs API_KEY."""
    try:
        from serving import serve as serving
    except ImportError as error:
        raise UsageError(f"{error.name} is not installed: pip install 'tallylake[serving]'") from error
    settings = load_settings()

    def announce(address: str) -> None:
        about = f"the API is described at {address}/openapi.json; {display_name(settings.database)}"
        say("Tallylake is served at ", (address, "bold"), f" ({about}). Ctrl-C stops it.")

    serving.serve(settings, host, port, announce)
