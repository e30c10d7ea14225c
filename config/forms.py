"""The forms of a setting's text: how each is described, read and shown again.

>>> duration(least="1 second").read("1.5 min")
datetime.timedelta(seconds=90)
>>> size().show(size().read("256m"))
'256m'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"ms": 1_000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}
_SPELLINGS = {
    "ms": ("ms", "millisecond", "milliseconds"),
    "second": ("s", "sec", "second", "seconds"),
    "minute": ("m", "min", "minute", "minutes"),
    "hour": ("h", "hour", "hours"),
    "day": ("d", "day", "days"),
}
_MICROSECONDS = {spelling: _UNITS[unit] for unit, spellings in _SPELLINGS.items() for spelling in spellings}
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)")
_SIZE = re.compile(r"(\d{1,15})\s*([bkmgt]?)(?:i?b)?")
_MASTER = re.compile(r"local(\[(\*|[1-9]\d*)(,\s*\d+)?\])?|yarn|(spark|k8s)://\S+")


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its description, how a text is read (ValueError if it is not of this form), and how a value is shown."""

    expects: str
    read: Callable[[str], Any]
    show: Callable[[Any], str] = str
    secret: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that is never shown: it prints as ``***``; only `reveal` returns it."""

    _text: str

    def reveal(self) -> str:
        """Return the text itself, to connect with."""
        return self._text

    def __repr__(self) -> str:
        return "***"


def duration(least: str = "0 ms", most: str = "3650 days") -> Form:
    """A length of time with its unit, read as a timedelta; both bounds are allowed."""
    low, high = _duration(least), _duration(most)
    expects = f"a duration such as '10 seconds', '5 minutes' or '500 ms', from {least} to {most}"
    return Form(expects, lambda text: _within(_duration(text), low, high), _shown_duration)


def size(least: str = "1k", most: str = "1024t") -> Form:
    """A number of bytes with a binary unit, read as an int."""
    low, high = _size(least), _size(most)
    return Form(
        f"a size such as 256m or 1g, from {least} to {most}", lambda t: _within(_size(t), low, high), _shown_size
    )


def whole(least: int, most: int) -> Form:
    """A whole number."""
    return Form(f"a whole number from {least} to {most}", lambda text: _within(_whole(text), least, most))


def share(least: float = 0.0, most: float = 1.0) -> Form:
    """A decimal number between two bounds, such as a rate."""
    return Form(f"a number from {least:g} to {most:g}", lambda text: _within(_decimal(text), least, most))


def one_of(*choices: str) -> Form:
    """One of a few words; case does not matter, and the word is read as it is spelled here."""
    spelled = {choice.lower(): choice for choice in choices}
    return Form(_either(choices), lambda text: _chosen(spelled, text))


def folder() -> Form:
    """A folder on a local disk; ``~`` is the home folder."""
    return Form("a folder on a local disk (no URL)", _folder, lambda path: Path(path).as_posix())


def matching(pattern: str, expects: str) -> Form:
    """A text that a regular expression matches as a whole."""
    compiled = re.compile(pattern)
    return Form(expects, lambda text: _matched(compiled, text))


def master() -> Form:
    """The URL of a Spark master."""
    return Form("local[*], local[2], yarn, spark://host:port or k8s://…", lambda text: _matched(_MASTER, text))


def secret(pattern: str = r".+", expects: str = "any text") -> Form:
    """A text that is never shown."""
    compiled = re.compile(pattern, re.DOTALL)
    return Form(expects, lambda text: Secret(_matched(compiled, text)), repr, secret=True)


def _within(value: Any, low: Any, high: Any) -> Any:
    if not low <= value <= high:
        raise ValueError
    return value


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError
    return int(text)


def _decimal(text: str) -> float:
    if not re.fullmatch(r"[0-9]{0,9}\.?[0-9]{1,12}", text):
        raise ValueError
    return float(text)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text.lower())
    if found is None or found[2] not in _MICROSECONDS:
        raise ValueError
    microseconds = Decimal(found[1]) * _MICROSECONDS[found[2]]
    if microseconds != int(microseconds):
        raise ValueError
    return _timedelta(int(microseconds))


def _timedelta(microseconds: int) -> timedelta:
    try:
        return timedelta(microseconds=microseconds)
    except OverflowError:
        raise ValueError from None


def _shown_duration(value: timedelta) -> str:
    microseconds = value // timedelta(microseconds=1)
    unit = next((u for u in reversed(_UNITS) if microseconds and microseconds % _UNITS[u] == 0), None)
    if unit is None:
        return f"{microseconds / 1000:g} ms"
    count = microseconds // _UNITS[unit]
    return f"{count} {unit}" if count == 1 or unit == "ms" else f"{count} {unit}s"


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.lower())
    if found is None:
        raise ValueError
    return int(found[1]) * _SIZES[found[2]]


def _shown_size(value: int) -> str:
    unit = next((u for u in "tgmk" if value and value % _SIZES[u] == 0), "")
    return f"{value // _SIZES[unit]}{unit}"


def _folder(text: str) -> Path:
    if "://" in text or "\0" in text:
        raise ValueError
    return Path(text).expanduser()


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError
    return text


def _chosen(spelled: dict[str, str], text: str) -> str:
    if text.lower() not in spelled:
        raise ValueError
    return spelled[text.lower()]


def _either(choices: tuple[str, ...]) -> str:
    return " or ".join([", ".join(choices[:-1]), choices[-1]])
