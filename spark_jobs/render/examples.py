"""Show examples of contracts, for ``tally registry test``: a line a subject, and each row that failed beside its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_registry.contract import VERSION_COLUMN
from spark_jobs.render.contracts import limits, needed
from spark_jobs.render.terminal import say, show_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_registry.contract import Field
    from schema_registry.example import Reason
    from schema_registry.registry import Subject
    from spark_jobs.batch.examples import Judged, SubjectResult

COLUMNS = ("", "field", "received", "contract", "expected", "came")


def show_examples(results: Sequence[SubjectResult]) -> None:
    """Print how many examples of each subject pass, and each failing one as a table: a line a field, ✗ where it differs."""
    for result in results:
        name, count, failed = result.subject.name, len(result.judged), result.failed
        if not count:
            say(f"{name}: no examples")
            continue
        say(f"{name}: {count - len(failed)} of {count} examples pass", style="red" if failed else "")
        for one in failed:
            show_table(title(one), COLUMNS, lines(result.subject, one), whole=True)


def title(one: Judged) -> str:
    """Return the case in one line: its file, its name, and both verdicts."""
    example = one.example
    version = "" if example.version is None else f", as version {example.version}"
    same = f"{one.verdict} as expected, but not all of it"
    verdicts = same if one.verdict == example.verdict else f"expected {example.verdict}, came {one.verdict}"
    return f"{example.file.name}: {example.name}{version}: {verdicts}"


def lines(subject: Subject, one: Judged) -> list[list[str]]:
    """Return a line for each field of the latest contract, then for what else was received, expected or came of the row."""
    example = one.example
    differing = {*one.wrong_values, *map(_place, one.wrong_reasons)}
    return [
        [
            "✗" if name in differing else "",
            name or "the row",
            _received(example.row, name),
            form,
            _outcome(example.values, example.reasons, name),
            _outcome(one.values, one.reasons, name),
        ]
        for name, form in _forms(subject, one).items()
    ]


def _place(reason: Reason) -> str:
    """Return the field or rule that a reason names; '' for the row as a whole."""
    return reason.field or ""


def _forms(subject: Subject, one: Judged) -> dict[str, str]:
    """Return what the contract says of each name: first its fields, then whatever else the example names."""
    latest, example = subject.latest, one.example
    fields = {field.name: _form(field) for field in latest.row_fields}
    others = {**{rule.name: rule.check for rule in latest.rules}, **{each.name: each.expr for each in latest.derive}}
    named = [*example.row, *example.values, *map(_place, example.reasons), *map(_place, one.reasons)]
    return fields | {name: others.get(name) or _elsewhere(subject, name) for name in named if name not in fields}


def _form(field: Field) -> str:
    when = {"yes": "required", "no": ""}.get(needed(field), f"required {needed(field)}")
    return "; ".join(part for part in (field.type.sql, when, limits(field)) if part)


def _elsewhere(subject: Subject, name: str) -> str:
    """Return in which versions a field is that the latest version has not."""
    if name in ("", VERSION_COLUMN):
        return ""
    versions = [f"v{contract.version}" for contract in subject.contracts if name in contract.columns]
    return f"in {', '.join(versions)}" if versions else "in no version"


def _received(row: Mapping[str, str | None], name: str) -> str:
    return "" if name not in row else _quoted(row[name])


def _outcome(values: Mapping[str, str | None], reasons: Sequence[Reason], name: str) -> str:
    """Return the value, if there is one, and the reasons against the field or rule."""
    value = [_quoted(values[name])] if name in values else []
    against = [f"{each.code}: {each.detail}" if each.detail else each.code for each in reasons if _place(each) == name]
    return "; ".join([*value, *against])


def _quoted(text: str | None) -> str:
    return "null" if text is None else f"'{text}'"
