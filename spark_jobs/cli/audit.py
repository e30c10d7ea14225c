"""``tally audit``: the books recomputed from the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import load as load_settings
from spark_jobs.cli.options import Json, Subjects, exit_if, lake_of, load_subjects
from spark_jobs.render.audit import show_audits
from spark_jobs.render.terminal import show_json


def audit(
    subjects: Subjects = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Compare every row with a generator's manifest, or with those in a folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Recompute the books from the tables, row by row; exit 1 if anything does not balance."""
    from spark_jobs.batch.audit.run import audit_subjects

    settings = load_settings()
    audits = audit_subjects(settings, lake_of(settings), load_subjects(settings, subjects), manifest)
    show_json([one.to_json() for one in audits]) if json else show_audits(audits)
    exit_if(not all(one.balanced for one in audits))
