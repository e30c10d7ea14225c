"""Read the settings once from the environment and a .env file, checked and immutable.

>>> load({"WATERMARK_DELAY": "1 hour"}, dotenv=None).data_quality.watermark_delay
datetime.timedelta(seconds=3600)
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from config.errors import SettingsError
from config.groups import (
    GROUPS,
    Database,
    DataQuality,
    Generator,
    Gold,
    Kafka,
    Lake,
    Limits,
    Monitoring,
    Retry,
    Serving,
    Streaming,
    Variable,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Source = Literal["default", ".env", "environment"]
Problem = tuple[str, str]

#: From this similarity on (difflib's ratio) a name is taken for a misspelling of another.
_SIMILAR = 0.85


class Row(NamedTuple):
    """A setting as `tally settings` shows it: a secret's value is ``***``, that of one without a value is empty."""

    group: str
    variable: str
    value: str
    source: Source


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, in groups; `sources` has the source of each variable that is set."""

    lake: Lake = field(default_factory=Lake)
    streaming: Streaming = field(default_factory=Streaming)
    limits: Limits = field(default_factory=Limits)
    data_quality: DataQuality = field(default_factory=DataQuality)
    gold: Gold = field(default_factory=Gold)
    generator: Generator = field(default_factory=Generator)
    retry: Retry = field(default_factory=Retry)
    monitoring: Monitoring = field(default_factory=Monitoring)
    database: Database = field(default_factory=Database)
    serving: Serving = field(default_factory=Serving)
    kafka: Kafka = field(default_factory=Kafka)
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)

    def rows(self) -> list[Row]:
        """Return every setting as it is shown, in the order of the groups."""
        return [
            Row(group, variable.name, self._shown(group, name, variable), self.sources.get(variable.name, "default"))
            for group, name, variable in variables()
        ]

    def _shown(self, group: str, name: str, variable: Variable) -> str:
        value = getattr(getattr(self, group), name)
        return "" if value is None else variable.form.show(value)


def load(env: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """Read all settings from `env` (default: this process's environment) and, where a variable is not set there, from `dotenv`.

    A blank value counts as not set. Raises one `SettingsError` that names every variable that is wrong.
    """
    texts, problems = _texts(os.environ if env is None else env, dotenv)
    groups: dict[str, dict[str, Any]] = defaultdict(dict)
    for group, name, variable in variables():
        if variable.name not in texts:
            continue
        text, source = texts[variable.name]
        try:
            groups[group][name] = variable.form.read(text)
        except ValueError:
            problems.append((variable.name, _refusal(variable, text, source)))
    if problems:
        raise SettingsError(problems)
    made = {group: kind(**groups[group]) for group, kind in GROUPS.items()}
    return _check_consistency(Settings(**made, sources={name: source for name, (_, source) in texts.items()}))


def exposed(settings: Settings, dotenv: Path = Path(".env")) -> list[str]:
    """Return the variables of secrets in ``dotenv`` if other users of this machine can read that file."""
    if not dotenv.is_file() or not dotenv.stat().st_mode & 0o077:
        return []
    secret = [variable.name for _, _, variable in variables() if variable.form.secret]
    return [name for name in secret if settings.sources.get(name) == ".env"]


def env_example() -> str:
    """Return the text of .env.example: every variable with its meaning, form and default."""
    lines = ["# Copy this file to .env and change what you need. What is set in the environment wins over it."]
    seen = None
    for group, _, variable in variables():
        if group != seen:
            lines += ["", f"## {(GROUPS[group].__doc__ or '').strip()}"]
            seen = group
        lines += [
            "",
            f"# {variable.doc}",
            f"# Form: {variable.form.expects}.",
            f"# {variable.name}={variable.default or ''}",
        ]
    return "\n".join(lines) + "\n"


def _texts(env: Mapping[str, str], dotenv: Path | None) -> tuple[dict[str, tuple[str, Source]], list[Problem]]:
    """Return the text and source of each variable that is set, and the problems of the .env file itself."""
    known = {variable.name for _, _, variable in variables()}
    file, problems = ({}, []) if dotenv is None or not dotenv.is_file() else _read_dotenv(dotenv, known)
    found: dict[str, tuple[str, Source]] = {}
    for name in known:
        in_file = (file.get(name) or "").strip()
        in_env = env.get(name, "").strip()
        if in_env or in_file:
            found[name] = (in_env, "environment") if in_env else (in_file, ".env")
    return found, problems


def _read_dotenv(dotenv: Path, known: set[str]) -> tuple[Mapping[str, str | None], list[Problem]]:
    problems = list(_malformed_lines(dotenv))
    file = {} if problems else dotenv_values(dotenv)
    return file, [*problems, *_misspelled(file, known)]


def _malformed_lines(dotenv: Path) -> Iterator[Problem]:
    """Yield a problem for each line of the file that is neither NAME=value nor a comment."""
    try:
        with dotenv.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except UnicodeDecodeError:
        yield str(dotenv), f"{dotenv} is not a UTF-8 text: save it as UTF-8, or remove it."
        return
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            written = binding.original.string
            blank = written[: len(written) - len(written.lstrip())].count("\n")
            place = f"{dotenv} line {binding.original.line + blank}"
            yield place, f"{place} is not of the form NAME=value: correct it, or put # before it."


def _misspelled(file: Mapping[str, str | None], known: set[str]) -> Iterator[Problem]:
    """Yield a problem for each unknown variable of the file that looks like a known one; others are for other programs."""
    for name in file:
        close = [] if name in known else get_close_matches(name.upper(), known, n=1, cutoff=_SIMILAR)
        if close:
            yield (
                name,
                f"{name} in .env is unknown, but close to {close[0]}: correct its name, or remove it.",
            )


def _refusal(variable: Variable, text: str, source: Source) -> str:
    got = "***" if variable.form.secret else repr(text if len(text) <= 80 else text[:79] + "…")
    place = "in .env" if source == ".env" else "in the environment"
    fallback = "to do without" if variable.default is None else f"for the default, {variable.default}"
    return f"{variable.name} is {got} {place} but must be {variable.form.expects}: correct it, or remove it {fallback}."


def _check_consistency(settings: Settings) -> Settings:
    """Return the settings if those that depend on each other agree, else raise SettingsError."""
    shown = {row.variable: row.value for row in settings.rows()}
    if settings.retry.first_wait > settings.retry.longest_wait:
        first, longest = shown["RETRY_FIRST_WAIT"], shown["RETRY_LONGEST_WAIT"]
        sentence = f"RETRY_FIRST_WAIT is {first} but must be at most RETRY_LONGEST_WAIT, {longest}: change one of them."
        raise SettingsError([("RETRY_FIRST_WAIT", sentence)])
    if settings.lake.root.absolute() == settings.lake.landing.absolute():
        sentence = f"LANDING_ROOT is {shown['LANDING_ROOT']}, the same as LAKE_ROOT: choose another for one of them."
        raise SettingsError([("LANDING_ROOT", sentence)])
    return settings


if __name__ == "__main__":
    print(env_example(), end="")
