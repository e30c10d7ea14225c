"""``tally registry list|show|check|test``: the contracts that rows are judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import load as load_settings
from spark_jobs.cli.options import Json, Subjects, exit_if, load_registry
from spark_jobs.render.contracts import draft_versions, show_contract, show_sound, show_subjects
from spark_jobs.render.examples import show_examples
from spark_jobs.render.terminal import show_json

registry_app = typer.Typer(help="List, show, check and test the contracts.", no_args_is_help=True)


@registry_app.command("list")
def list_subjects(json: Json = False) -> None:
    """List the subjects with their versions."""
    from schema_registry.describe import as_dict

    registry = load_registry(load_settings())
    if json:
        show_json([as_dict(subject) for subject in registry.subjects.values()])
    else:
        show_subjects(registry)


@registry_app.command("show")
def show_subject(
    subject: Annotated[str, typer.Argument(help="A subject's name.")],
    version: Annotated[int | None, typer.Option(help="A version; the latest if none is named.")] = None,
    json: Json = False,
) -> None:
    """Show one contract: fields, rules, derived columns and migration."""
    from schema_registry.describe import as_dict

    found = load_registry(load_settings()).subject(subject)
    contract = found.latest if version is None else found.contract(version)
    if json:
        show_json(as_dict(contract))
    else:
        show_contract(contract)


@registry_app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A subject's folder; the whole registry if none is named.")
    ] = None,
) -> None:
    """Check that contracts load: shape, rules, version order, compatibility, fingerprint lock."""
    from schema_registry.registry import load_subject

    if folder is not None:
        show_sound(load_subject(folder))
        return
    for subject in load_registry(load_settings()).subjects.values():
        show_sound(subject, draft_versions(subject))


@registry_app.command("test")
def judge_examples(subjects: Subjects = None, json: Json = False) -> None:
    """Judge the contracts' examples (`SUBJECT/examples/*.yaml`); exit 1 where one gets something else than it must.

    Starts a local Spark, and judges all examples of a subject in one batch, in about a second. A failing row is shown beside its
    contract. Exit code 2 where an example cannot be read.
    """
    from spark_jobs.batch.examples import run_examples

    results = run_examples(load_settings(), subjects or [])
    show_json([result.to_json() for result in results]) if json else show_examples(results)
    exit_if(any(result.failed for result in results))
