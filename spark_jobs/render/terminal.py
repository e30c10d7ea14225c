"""The only place that writes to the terminal: every text is escaped and never taken as markup; JSON is exact."""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from config.escaping import escape_controls, escape_json, shorten
from spark_jobs.render.values import cell_text, to_json_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

WIDE = 160
#: A text, or a pair of a text and its style.
Part = str | tuple[str, str]


class Terminal(Console):
    """A console that shows every text as it is, escaped: which texts came from outside cannot be known here."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape a text; Rich calls this for whatever it prints, in tables and titles too."""
        return super().render_str(escape_controls(text), **options)


console = Terminal(width=None if sys.stdout.isatty() else WIDE)
errors = Terminal(stderr=True)


def say(*parts: Part, style: str = "", soft_wrap: bool = True) -> None:
    """Print a line made of these parts; without any, an empty line."""
    console.print(styled_line(*parts, style=style), soft_wrap=soft_wrap)


def complain(sentence: str, style: str = "") -> None:
    """Print a line on standard error."""
    errors.print(sentence, style=style, soft_wrap=True)


def styled_line(*parts: Part, style: str = "") -> Text:
    """Return the parts as one line, escaped, each in its own style."""
    texts = [escape_controls(part) if isinstance(part, str) else (escape_controls(part[0]), part[1]) for part in parts]
    return Text.assemble(*texts, style=style)


def show_json(value: Any) -> None:
    """Print a value as one JSON document."""
    document = escape_json(json.dumps(value, default=to_json_value, ensure_ascii=False, indent=2))
    console.print(JSONHighlighter()(Text(document)), soft_wrap=True)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, whole: bool = False) -> None:
    """Print a table with numbers to the right. Long texts are cut, unless ``whole``."""
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    values = [list(row) for row in rows]
    for number, name in enumerate(columns):
        numeric = bool(values) and all(isinstance(row[number], int | float | None) for row in values)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in values:
        cells = [cell_text(value) for value in row]
        shown.add_row(*(cells if whole else map(shorten, cells)))
    console.print(shown)
    console.print()


def show_traceback(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Print the traceback of an error that nobody caught, escaped. Made to be ``sys.excepthook``."""
    for each in "".join(traceback.format_exception(kind, error, where)).split("\n"):
        errors.print(each, soft_wrap=True)
