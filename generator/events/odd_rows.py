"""Events that look wrong and are accepted: unusual spellings, late arrivals; and the copies, which are duplicates."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from generator import csvtext
from generator.faults import COPY_IN_FILE, COPY_OF_EARLIER_FILE, copied_row, odd_row, odd_times, padded

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.faults import Fault

WEST = timezone(-timedelta(hours=3, minutes=30))


def _time(name: str, doc: str, spell: Callable[[str], str]) -> Fault:
    return odd_row(name, doc, {"event_time": spell})


def _in_west(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(WEST):%Y-%m-%dT%H:%M:%S}{text[19:23]}-0330"


ODD_ROWS = (
    *odd_times("event_time"),
    _time("time_west", "a zone of -0330", _in_west),
    _time("time_nine_digits", "a fraction of nine digits", lambda v: f"{v[:23]}123456Z"),
    _time("time_without_seconds", "hours and minutes only", lambda v: f"{v[:16]}Z"),
    _time("time_without_fraction", "whole seconds", lambda v: f"{v[:19]}Z"),
    _time("time_bare", "a space, no seconds, no zone", lambda v: f"{v[:10]} {v[11:16]}"),
    odd_row(
        "numbers_padded",
        "spaces around the numbers",
        dict.fromkeys(("user_id", "product_id", "price", "quantity"), padded),
    ),
    odd_row("price_whole", "a price without decimals", {"price": "25"}, on="add_to_cart"),
    odd_row("price_one_decimal", "a price with one decimal", {"price": "25.5"}, on="purchase"),
    odd_row("price_zero_on_view", "a gift looked at", {"price": "0"}, on="view"),
    odd_row("price_at_the_top", "the highest price there is", {"price": "1000000.00"}, on="view"),
    odd_row("search_with_product", "a search that names its product", {"event_type": "search"}, on="view"),
    odd_row("event_id_longest", "an event id of 64 characters", {"event_id": lambda v: f"{v:-<64}"}),
    odd_row("all_quoted", "every value in quotes", write=csvtext.all_quoted),
    odd_row("comma_in_value", "a comma in a value", {"geo_city": "Frankfurt, Main"}, versions=(3,)),
    odd_row("quotes_in_value", "doubled quotes in a value", {"browser": 'Chrome "Canary"'}, versions=(3,)),
    odd_row("newline_in_value", "a line break in a value: still one record", {"geo_city": "New\nYork"}, versions=(3,)),
    odd_row(
        "optional_empty",
        "nothing in the optional fields",
        dict.fromkeys(("browser", "geo_city", "referrer", "campaign_id"), ""),
        versions=(3,),
    ),
    odd_row("version_empty", "no version given: the header tells", {"schema_version": ""}, versions=(2, 3)),
)

LATE = odd_row("late", "an event time 15 to 60 minutes behind the file's clock")
VERY_LATE = odd_row("very_late", "an event time 2 to 20 days behind the file's clock")
LATE_ROWS = (LATE, VERY_LATE)

OTHER_CONTENT = copied_row(
    "same_id_other_content", "the event id and event time of an earlier row with another price and quantity"
)
COPIES = (COPY_IN_FILE, COPY_OF_EARLIER_FILE, OTHER_CONTENT)
