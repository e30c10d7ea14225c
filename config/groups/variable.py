"""One setting: its environment variable, default, form and meaning, carried by a field of a dataclass."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from config.forms import Form


class Variable(NamedTuple):
    """A setting's environment variable: its name, default text (None for no default), form and meaning."""

    name: str
    default: str | None
    form: Form
    doc: str


def setting(name: str, default: str | None, form: Form, doc: str) -> Any:
    """Return a dataclass field that carries its `Variable`; its default is read from text as a variable would be."""
    value = None if default is None else form.read(default)
    return field(default=value, metadata={"variable": Variable(name, default, form, doc)})
