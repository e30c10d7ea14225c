"""Contracts on the terminal: the list of subjects, one contract, and a field's form in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spark_jobs.render.terminal import show_table

if TYPE_CHECKING:
    from schema_registry.contract import Contract, Field
    from schema_registry.registry import Registry


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
