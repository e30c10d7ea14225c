"""The rows that look wrong and are not: unusual spellings, late arrivals; and the copies, which are duplicates."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from generator import csvtext
from generator.faults import Cell, Fault, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EAST = timezone(timedelta(hours=1))
WEST = timezone(-timedelta(hours=3, minutes=30))


def _odd(
    name: str,
    doc: str,
    cells: Mapping[str, Cell] | None = None,
    *,
    on: str = "",
    versions: tuple[int, ...] = (1, 2, 3),
    write: Callable[[Sequence[str]], str] = csvtext.record,
) -> Fault:
    """A row written in an unusual way that is all the same accepted."""
    return Fault(
        name=name, doc=doc, outcome=Outcome.ACCEPTED, cells=dict(cells or {}), on=on, versions=versions, write=write
    )


def _time(name: str, doc: str, spell: Callable[[str], str]) -> Fault:
    return _odd(name, doc, {"event_time": spell})


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _padded(text: str) -> str:
    return f" {text} " if text else text


ODD_ROWS = (
    _time("time_with_space", "a space for the T", lambda v: v.replace("T", " ")),
    _time("time_east", "a zone of +01:00", lambda v: _moment(v).astimezone(EAST).isoformat(timespec="milliseconds")),
    _time("time_west", "a zone of -0330", lambda v: f"{_moment(v).astimezone(WEST):%Y-%m-%dT%H:%M:%S}{v[19:23]}-0330"),
    _time("time_without_zone", "no zone: UTC", lambda v: v[:-1]),
    _time("time_nine_digits", "a fraction of nine digits", lambda v: f"{v[:23]}123456Z"),
    _time("time_without_seconds", "hours and minutes only", lambda v: f"{v[:16]}Z"),
    _time("time_without_fraction", "whole seconds", lambda v: f"{v[:19]}Z"),
    _time("time_bare", "a space, no seconds, no zone", lambda v: f"{v[:10]} {v[11:16]}"),
    _odd(
        "numbers_padded",
        "spaces around the numbers",
        dict.fromkeys(("user_id", "product_id", "price", "quantity"), _padded),
    ),
    _odd("price_whole", "a price without decimals", {"price": "25"}, on="add_to_cart"),
    _odd("price_one_decimal", "a price with one decimal", {"price": "25.5"}, on="purchase"),
    _odd("price_zero_on_view", "a gift looked at", {"price": "0"}, on="view"),
    _odd("price_at_the_top", "the highest price there is", {"price": "1000000.00"}, on="view"),
    _odd("search_with_product", "a search that names its product", {"event_type": "search"}, on="view"),
    _odd("event_id_longest", "an event id of 64 characters", {"event_id": lambda v: f"{v:-<64}"}),
    _odd("all_quoted", "every value in quotes", write=csvtext.all_quoted),
    _odd("comma_in_value", "a comma in a value", {"geo_city": "Frankfurt, Main"}, versions=(3,)),
    _odd("quotes_in_value", "doubled quotes in a value", {"browser": 'Chrome "Canary"'}, versions=(3,)),
    _odd("newline_in_value", "a line break in a value: still one record", {"geo_city": "New\nYork"}, versions=(3,)),
    _odd(
        "optional_empty",
        "nothing in the optional fields",
        dict.fromkeys(("browser", "geo_city", "referrer", "campaign_id"), ""),
        versions=(3,),
    ),
    _odd("version_empty", "no version given: the header tells", {"schema_version": ""}, versions=(2, 3)),
)

LATE = _odd("late", "an event time 15 to 60 minutes behind the file's clock")
VERY_LATE = _odd("very_late", "an event time 2 to 20 days behind the file's clock")
LATE_ROWS = (LATE, VERY_LATE)

COPY_IN_FILE = Fault(
    name="copy_in_file",
    doc="the same row again, further down in the same file",
    kind=Kind.COPY,
    outcome=Outcome.DUPLICATE,
)
COPY_OF_EARLIER_FILE = Fault(
    name="copy_of_earlier_file",
    doc="a row of one of the twenty files before, in this file's columns",
    kind=Kind.COPY,
    outcome=Outcome.DUPLICATE,
)
OTHER_CONTENT = Fault(
    name="same_id_other_content",
    doc="the event id and event time of an earlier row with another price and quantity",
    kind=Kind.COPY,
    outcome=Outcome.DUPLICATE,
)
COPIES = (COPY_IN_FILE, COPY_OF_EARLIER_FILE, OTHER_CONTENT)
