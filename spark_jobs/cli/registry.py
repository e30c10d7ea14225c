"""``tally registry list|show|check|test``: the contracts that rows are judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import load as load_settings
from schema_registry.describe import as_dict
from schema_registry.registry import load, load_subject
from spark_jobs.render.contracts import show_contract, show_subjects
from spark_jobs.render.examples import show_examples
from spark_jobs.render.terminal import say, show_json

registry_app = typer.Typer(help="List, show, check and test the contracts.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]
Subjects = Annotated[list[str] | None, typer.Argument(help="Subjects by name; all of them where none is named.")]


@registry_app.command("list")
def list_subjects(json: Json = False) -> None:
    """List the subjects with their versions."""
    registry = load(load_settings().lake.contracts)
    if json:
        show_json([as_dict(subject) for subject in registry.subjects.values()])
        return
    show_subjects(registry)


@registry_app.command("show")
def show_subject(
    subject: Annotated[str, typer.Argument(help="A subject's name.")],
    version: Annotated[int | None, typer.Option(help="A version; the latest where none is named.")] = None,
    json: Json = False,
) -> None:
    """Show one contract: fields, rules, derived columns and migration."""
    found = load(load_settings().lake.contracts).subject(subject)
    contract = found.latest if version is None else found.contract(version)
    if json:
        show_json(as_dict(contract))
        return
    show_contract(contract)


@registry_app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A subject's folder; the whole registry where none is named.")
    ] = None,
) -> None:
    """Check that contracts load: shape, rules, version order, compatibility, fingerprint lock."""
    if folder is not None:
        subject = load_subject(folder)
        say(f"{subject.name}: v1 to v{subject.latest.version} are sound")
        return
    registry = load(load_settings().lake.contracts)
    for subject in registry.subjects.values():
        drafts = [f"v{c.version}" for c in subject.contracts if c.version not in subject.frozen]
        note = f"; drafts: {', '.join(drafts)}, frozen with the next stream" if drafts else ""
        say(f"{subject.name}: v1 to v{subject.latest.version} are sound{note}")


@registry_app.command("test")
def judge_examples(subjects: Subjects = None, json: Json = False) -> None:
    """Judge the contracts' examples (`SUBJECT/examples/*.yaml`); exit 1 where one gets something else than it must.

    Starts a local Spark, and judges all examples of a subject in one batch, in about a second. A failing row is shown beside its
    contract. Exit code 2 where an example cannot be read.
    """
    from spark_jobs.batch.examples import run_examples

    results = run_examples(load_settings(), subjects or [])
    show_json([result.to_json() for result in results]) if json else show_examples(results)
    if any(result.failed for result in results):
        raise typer.Exit(1)
