"""The changes that look wrong and are not: unusual spellings, strange values, wrong order; and the copies.

In these, a cell given as a text is another value, one given as a function another spelling of the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from generator import csvtext
from generator.faults import Cell, Fault, Kind, Outcome
from generator.odd_rows import COPY_IN_FILE, COPY_OF_EARLIER_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EAST = timezone(timedelta(hours=1))
MONEY = ("price", "cost", "total_amount", "unit_price", "line_total", "amount")


def _odd(
    name: str,
    doc: str,
    cells: Mapping[str, Cell] | None = None,
    *,
    on: str = "",
    versions: tuple[int, ...] = (1, 2),
    write: Callable[[Sequence[str]], str] = csvtext.record,
) -> Fault:
    """A change that is accepted all the same; ``on`` names the op of the ordinary change that it stands beside."""
    return Fault(
        name=name, doc=doc, outcome=Outcome.ACCEPTED, cells=dict(cells or {}), on=on, versions=versions, write=write
    )


def _east(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(EAST).isoformat(timespec="milliseconds")


def _padded(text: str) -> str:
    return f" {text} " if text else text


def _money(name: str, doc: str, spell: Callable[[str], str], *fields: str) -> Fault:
    return _odd(name, doc, dict.fromkeys(fields, spell))


def _spelled_money(*fields: str) -> tuple[Fault, ...]:
    return (
        _money("money_padded", "spaces around the money", _padded, *fields),
        _money("money_short", "no more decimals than needed", lambda v: v.rstrip("0").rstrip(".") or v, *fields),
        _money("money_zeros", "leading zeros", lambda v: f"00{v}" if v else v, *fields),
    )


VERSION_EMPTY = _odd("version_empty", "no version given: the header tells", {"schema_version": lambda _: ""})
SPELLINGS = (
    _odd("time_with_space", "a space for the T", {"event_ts": lambda v: v.replace("T", " ")}),
    _odd("time_east", "a zone of +01:00", {"event_ts": _east}),
    _odd("time_without_zone", "no zone: UTC", {"event_ts": lambda v: v[:-1]}),
    _odd("time_nine_digits", "a fraction of nine digits", {"event_ts": lambda v: f"{v[:23]}000000Z"}),
    _odd("seq_padded", "spaces around the sequence", {"seq": _padded}),
    _odd("all_quoted", "every value in quotes", write=csvtext.all_quoted),
    VERSION_EMPTY,
    _odd("created_again", "op c for a key that is there", {"op": "c"}),
    _odd("snapshot_again", "op r in the middle of the stream", {"op": "r"}),
)

PRICE_JUMP = _odd("price_jump", "fifty times the price, set right by the next change", on="u")
ORPHAN = _odd("orphan", "a row of something that does not exist")
UNKNOWN_DELETE = _odd("delete_of_unknown", "a delete of a key that never was")
BEFORE_INSERT = _odd("update_before_insert", "an update that stands before its insert in the file", on="c")
OLD_TRUNCATE = _odd("old_truncate", "a truncate from before everything: nothing is older")
SPECIAL = (UNKNOWN_DELETE, BEFORE_INSERT, OLD_TRUNCATE)

OUT_OF_ORDER = _odd("out_of_order", "in another place of its file than its sequence says")
LATE_INSERT = _odd("late_insert", "created, and read days later: updates may have come before")
LATE_UPDATE = _odd("late_update", "updated, and read days later")
LATE_DELETE = _odd("late_delete", "deleted, and read days later")
BEHIND_DELETE = _odd("update_behind_delete", "an update older than the delete after which it comes", on="d")
LATE_ROWS = (LATE_INSERT, LATE_UPDATE, OUT_OF_ORDER)
LATE_DELETES = (LATE_DELETE, BEHIND_DELETE)

OTHER_CONTENT = Fault(
    name="same_id_other_content",
    doc="the change id of an earlier change with the content of another",
    kind=Kind.COPY,
    outcome=Outcome.DUPLICATE,
)
COPIES = (COPY_IN_FILE, COPY_OF_EARLIER_FILE, OTHER_CONTENT)

_CUSTOMERS = (
    _odd("comma_in_value", "a comma in a value", {"address": "Flat 3, Long Lane 7"}),
    _odd("quotes_in_value", "doubled quotes in a value", {"last_name": 'Maria "Mia" Braun'}),
    _odd("newline_in_value", "a line break in a value: still one record", {"city": "New\nYork"}),
    _odd("optional_empty", "nothing in the optional fields", dict.fromkeys(("address", "city"), "")),
    _odd("longest_name", "a name of 100 characters", {"first_name": "Ä" * 100}),
)
_PRODUCTS = (
    PRICE_JUMP,
    *_spelled_money("price"),
    _odd("comma_in_value", "a comma in a value", {"brand": "Sons, Daughters & Co"}),
    _odd("quotes_in_value", "doubled quotes in a value", {"brand": 'The "Real" Thing'}),
    _odd("price_zero", "a gift", {"price": "0.00"}),
    _odd("optional_empty", "nothing in the optional fields", {"brand": ""}),
)

ODD_ROWS: dict[str, tuple[Fault, ...]] = {
    "customers": (*SPELLINGS, *_CUSTOMERS, *SPECIAL),
    "products": (*SPELLINGS, *_PRODUCTS, *SPECIAL),
    "orders": (*SPELLINGS, *_spelled_money("total_amount"), *SPECIAL, ORPHAN),
    "order_items": (*SPELLINGS, *_spelled_money("unit_price", "line_total"), *SPECIAL, ORPHAN),
    "payments": (*SPELLINGS, *_spelled_money("amount"), *SPECIAL, ORPHAN),
}
LATE: dict[str, tuple[Fault, ...]] = {
    "customers": (*LATE_ROWS, *LATE_DELETES),
    "products": (*LATE_ROWS, *LATE_DELETES),
    "orders": LATE_ROWS,
    "order_items": (*LATE_ROWS, *LATE_DELETES),
    "payments": LATE_ROWS,
}
