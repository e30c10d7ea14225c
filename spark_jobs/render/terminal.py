"""The terminal: whatever is printed there is escaped, is never taken as markup, and JSON is exact."""

from __future__ import annotations

import json
import sys
import traceback
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from config.escaping import escape_controls, escape_json, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

WIDE = 160
#: A text, or one with its style.
Part = str | tuple[str, str]


class Terminal(Console):
    """A console for which every text is only text: those that came from outside cannot be told from our own here."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """What every text goes through on its way: printed, in a table, as a title."""
        return super().render_str(escape_controls(text), **options)


console = Terminal(width=None if sys.stdout.isatty() else WIDE)
errors = Terminal(stderr=True)


def say(*parts: Part, style: str = "", soft_wrap: bool = True) -> None:
    """Print a line made of these; an empty line without any."""
    console.print(line(*parts, style=style), soft_wrap=soft_wrap)


def complain(sentence: str, style: str = "") -> None:
    """Print a line where errors go."""
    errors.print(sentence, style=style, soft_wrap=True)


def line(*parts: Part, style: str = "") -> Text:
    """The parts in one line, each in its style."""
    said = [escape_controls(part) if isinstance(part, str) else (escape_controls(part[0]), part[1]) for part in parts]
    return Text.assemble(*said, style=style)


def as_json(value: Any) -> None:
    """Print a value as one JSON document."""
    document = escape_json(json.dumps(value, default=plain, ensure_ascii=False, indent=2))
    console.print(JSONHighlighter()(Text(document)), soft_wrap=True)


def plain(value: Any) -> Any:
    """The form of what JSON has none for."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, whole: bool = False) -> None:
    """A table whose numbers stand right and are grouped by thousands. Long texts are cut, unless they are to be ``whole``."""
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    listed = [list(row) for row in rows]
    for number, name in enumerate(columns):
        numeric = bool(listed) and all(isinstance(row[number], int | float | None) for row in listed)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        cells = [_cell(value) for value in row]
        shown.add_row(*(cells if whole else map(shorten, cells)))
    console.print(shown)
    console.print()


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return moment(value) if isinstance(value, datetime) else str(value)


def moment(value: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def exactly(value: Any) -> str:
    """A value as it is: a decimal with its scale, a time in UTC with its microseconds, a number without separators."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"
    return str(plain(value)) if isinstance(value, date | Decimal) else str(value)


def trace(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """What Python shows of an error that nobody caught: the errors' own words come from anywhere. For ``sys.excepthook``."""
    for each in "".join(traceback.format_exception(kind, error, where)).split("\n"):
        errors.print(each, soft_wrap=True)
