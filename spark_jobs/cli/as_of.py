"""``tally as-of``: a row as it was at a moment."""

from __future__ import annotations

from typing import Annotated

import typer

from config.settings import load as load_settings
from spark_jobs.cli.options import Json, exit_if, lake_of, load_subjects
from spark_jobs.render.as_of import show_answer
from spark_jobs.render.terminal import show_json


def as_of(
    subject: Annotated[str, typer.Argument(help="A subject of changes, such as products.")],
    key: Annotated[str, typer.Argument(help="The row's key; several parts are joined by |.")],
    moment: Annotated[str, typer.Argument(help="YYYY-MM-DD HH:MM[:SS], in UTC if no zone is given, or a date alone.")],
    json: Json = False,
) -> None:
    """Show a row as it was at a moment, since when and until when; exit 1 if there was none."""
    from spark_jobs.batch.point_in_time.key_states import require_changes, state_at
    from spark_jobs.batch.point_in_time.parsing import parse_key, parse_moment

    settings = load_settings()
    lake = lake_of(settings)
    (chosen,) = load_subjects(settings, [subject])
    require_changes(chosen)
    lake.require_exists()
    answer = state_at(lake, chosen, parse_key(key, chosen.latest), parse_moment(moment))
    if json:
        show_json(answer.to_json())
    if not json or answer.found is None:
        show_answer(answer)
    exit_if(answer.found is None)
