"""Patterns for all texts that ``transforms.types`` reads as the same value, to find a key in files as it came.

They are matched by Arrow (RE2), whole.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

#: White space and control characters that may stand around a number.
_AROUND = r"[\x00-\x20\x7f-\x{9f}]*"
#: Zones lie a multiple of a quarter of an hour from UTC.
_ZONES = [timedelta(minutes=minutes) for minutes in range(-18 * 60, 18 * 60 + 1, 15)]


def text_pattern(value: Any) -> str:
    """Return a pattern of the texts of this value: of an integer, decimal, boolean, date, aware time, or a text itself."""
    if isinstance(value, bool):
        return f"(?i)^{str(value).lower()}$"
    if isinstance(value, int):
        return f"^{_AROUND}{_sign(value)}0*{abs(value)}{_AROUND}$"
    if isinstance(value, Decimal):
        return f"^{_AROUND}{_decimal(value)}{_AROUND}$"
    if isinstance(value, datetime):
        return f"^(?:{'|'.join(_moment(value.astimezone(UTC)))})$"
    return f"^{re.escape(value.isoformat() if isinstance(value, date) else str(value))}$"


def _decimal(value: Decimal) -> str:
    """Allow any zeros before it and behind it."""
    whole, _, fraction = f"{abs(value):f}".partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if fraction:
        return rf"{_sign(value)}0*{whole}\.{fraction}0*"
    return rf"{_sign(value)}0*{whole}(?:\.0*)?" if whole else rf"{_sign(value)}(?:0+(?:\.0*)?|\.0+)"


def _sign(value: int | Decimal) -> str:
    return "[+-]?" if not value else ("-" if value < 0 else r"\+?")


def _moment(value: datetime) -> list[str]:
    """Spell the moment on the clocks of all zones, with a T or a space; without seconds or zone where they may be left out."""
    behind = _seconds(value)
    return [rf"{local}{behind}{_zone(zone)}" for zone in _ZONES if (local := _to_the_minute(value, zone)) is not None]


def _to_the_minute(value: datetime, zone: timedelta) -> str | None:
    """Return date, hour and minute in a zone; None where its year is out of range."""
    try:
        return f"{(value + zone).isoformat()[:10]}[T ]{(value + zone):%H:%M}"
    except OverflowError:
        return None


def _seconds(value: datetime) -> str:
    """Spell the seconds. Digits of the fraction after the sixth are cut, so they may be any."""
    six = f"{value.microsecond:06}"
    least = six.rstrip("0")
    fewer = "|".join(six[:digits] for digits in range(max(1, len(least)), 6))
    fraction = rf"\.(?:{six}[0-9]{{0,3}}{'|' if fewer else ''}{fewer})"
    if least:
        return f":{value:%S}{fraction}"
    return f":{value:%S}(?:{fraction})?" if value.second else f"(?::00(?:{fraction})?)?"


def _zone(zone: timedelta) -> str:
    hours, minutes = divmod(abs(int(zone.total_seconds())) // 60, 60)
    if not zone:
        return r"(?:Z|[+-]00:?00)?"
    sign = "-" if zone < timedelta(0) else r"\+"
    return f"{sign}{hours:02}:?{minutes:02}"
