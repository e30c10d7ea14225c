"""Contracts on the terminal: the list of subjects, one contract, and a field's form in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.render.terminal import say, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_registry.contract import Contract, Field
    from schema_registry.registry import Registry, Subject


def show_subjects(registry: Registry) -> None:
    """Print the subjects with their versions."""
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
    show_table(f"Contracts in {registry.root}", names, rows, whole=True)


def show_contract(found: Contract) -> None:
    """Print one contract: fields, rules, derived columns and migration."""
    rows = [[field.name, field.type.sql, needed(field), limits(field), field.doc] for field in found.fields]
    names = ["field", "type", "required", "limits", "meaning"]
    show_table(f"{found.subject} v{found.version}: {found.doc}", names, rows, whole=True)
    show_table("Rules", ["rule", "holds where"], [[rule.name, rule.check] for rule in found.rules], whole=True)
    if found.derive:
        derived = [[d.name, d.type.sql, d.expr] for d in found.derive]
        show_table("Derived", ["column", "type", "is"], derived, whole=True)
    if found.migrate:
        becomes = list(found.migrate.items())
        show_table(f"From v{found.version - 1}", ["field", "becomes"], becomes, whole=True)


def show_sound(subject: Subject, drafts: Sequence[str] = ()) -> None:
    """Print that a subject's contracts are sound, and which versions are drafts."""
    note = f"; drafts: {', '.join(drafts)}, frozen with the next stream" if drafts else ""
    say(f"{subject.name}: v1 to v{subject.latest.version} are sound{note}")


def draft_versions(subject: Subject) -> list[str]:
    """Return the versions of a subject that are not frozen yet, as v1, v2 and so on."""
    return [f"v{c.version}" for c in subject.contracts if c.version not in subject.frozen]


def needed(field: Field) -> str:
    """Return when the field is required: yes, no, or where a condition holds."""
    if field.required:
        return "yes"
    return f"where {field.required_when}" if field.required_when else "no"


def limits(field: Field) -> str:
    """Return what the field's values must keep to."""
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
