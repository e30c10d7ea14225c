"""``tally registry list|show|check``: the contracts that rows are judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import load as load_settings
from schema_registry.contract import Field
from schema_registry.describe import as_dict
from schema_registry.registry import load, load_subject
from spark_jobs.render import show

registry_app = typer.Typer(help="List, show and check the contracts.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]


@registry_app.command("list")
def list_subjects(json: Json = False) -> None:
    """List the subjects with their versions."""
    registry = load(load_settings().lake.contracts)
    if json:
        show.as_json([as_dict(subject) for subject in registry.subjects.values()])
        return
    rows = [
        [
            s.name,
            s.kind,
            ", ".join(f"v{c.version}" for c in s.contracts),
            len(s.frozen),
            s.compatibility,
            ", ".join(s.latest.key),
            s.fingerprint[:12],
        ]
        for s in registry.subjects.values()
    ]
    names = ["subject", "kind", "versions", "frozen", "compatibility", "key", "fingerprint"]
    show.table(f"Contracts in {registry.root}", names, rows, whole=True)


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
        show.as_json(as_dict(contract))
        return
    rows = [[field.name, field.type.sql, _needed(field), _limits(field), field.doc] for field in contract.fields]
    names = ["field", "type", "required", "limits", "meaning"]
    show.table(f"{subject} v{contract.version}: {contract.doc}", names, rows, whole=True)
    show.table("Rules", ["rule", "holds where"], [[rule.name, rule.check] for rule in contract.rules], whole=True)
    if contract.derive:
        derived = [[d.name, d.type.sql, d.expr] for d in contract.derive]
        show.table("Derived", ["column", "type", "is"], derived, whole=True)
    if contract.migrate:
        becomes = list(contract.migrate.items())
        show.table(f"From v{contract.version - 1}", ["field", "becomes"], becomes, whole=True)


@registry_app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A subject's folder; the whole registry where none is named.")
    ] = None,
) -> None:
    """Check that contracts load: shape, rules, version order, compatibility, fingerprint lock."""
    if folder is not None:
        subject = load_subject(folder)
        show.say(f"{subject.name}: v1 to v{subject.latest.version} are sound")
        return
    registry = load(load_settings().lake.contracts)
    for subject in registry.subjects.values():
        drafts = [f"v{c.version}" for c in subject.contracts if c.version not in subject.frozen]
        note = f"; drafts: {', '.join(drafts)}, frozen with the next stream" if drafts else ""
        show.say(f"{subject.name}: v1 to v{subject.latest.version} are sound{note}")


def _needed(field: Field) -> str:
    if field.required:
        return "yes"
    return f"where {field.required_when}" if field.required_when else "no"


def _limits(field: Field) -> str:
    parts = [
        f"≥ {field.min}" if field.min is not None else "",
        f"≤ {field.max}" if field.max is not None else "",
        "one of " + ", ".join(field.enum) if field.enum else "",
        f"matches {field.pattern}" if field.pattern else "",
        f"at most {field.max_length} characters" if field.max_length else "",
        "not blank" if field.non_blank else "",
        f"not before {field.not_before:%Y-%m-%d}" if field.not_before else "",
        "not in the future" if field.not_future else "",
    ]
    return "; ".join(part for part in parts if part)
