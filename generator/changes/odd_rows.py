"""Changes that look wrong and are accepted: unusual spellings and values, wrong order; and the copies.

In the accepted ones, a cell given as a text is another value, one given as a function another spelling of the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator import csvtext
from generator.faults import COPY_IN_FILE, COPY_OF_EARLIER_FILE, copied_row, odd_row, odd_times, padded

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.faults import Fault


def _money(name: str, doc: str, spell: Callable[[str], str], *fields: str) -> Fault:
    return odd_row(name, doc, dict.fromkeys(fields, spell))


def _spelled_money(*fields: str) -> tuple[Fault, ...]:
    return (
        _money("money_padded", "spaces around the money", padded, *fields),
        _money("money_short", "no more decimals than needed", lambda v: v.rstrip("0").rstrip(".") or v, *fields),
        _money("money_zeros", "leading zeros", lambda v: f"00{v}" if v else v, *fields),
    )


VERSION_EMPTY = odd_row("version_empty", "no version given: the header tells", {"schema_version": lambda _: ""})
SPELLINGS = (
    *odd_times("event_ts"),
    odd_row("time_nine_digits", "a fraction of nine digits", {"event_ts": lambda v: f"{v[:23]}000000Z"}),
    odd_row("seq_padded", "spaces around the sequence", {"seq": padded}),
    odd_row("all_quoted", "every value in quotes", write=csvtext.all_quoted),
    VERSION_EMPTY,
    odd_row("created_again", "op c for a key that is there", {"op": "c"}),
    odd_row("snapshot_again", "op r in the middle of the stream", {"op": "r"}),
)

PRICE_JUMP = odd_row("price_jump", "fifty times the price, set right by the next change", on="u")
ORPHAN = odd_row("orphan", "a row of something that does not exist")
UNKNOWN_DELETE = odd_row("delete_of_unknown", "a delete of a key that never was")
BEFORE_INSERT = odd_row("update_before_insert", "an update that stands before its insert in the file", on="c")
OLD_TRUNCATE = odd_row("old_truncate", "a truncate from before everything: nothing is older")
SPECIAL = (UNKNOWN_DELETE, BEFORE_INSERT, OLD_TRUNCATE)

OUT_OF_ORDER = odd_row("out_of_order", "in another place of its file than its sequence says")
LATE_INSERT = odd_row("late_insert", "created, and read days later: updates may have come before")
LATE_UPDATE = odd_row("late_update", "updated, and read days later")
LATE_DELETE = odd_row("late_delete", "deleted, and read days later")
OLDER_THAN_DELETE = odd_row("update_behind_delete", "an update older than the delete after which it comes", on="d")
LATE_ROWS = (LATE_INSERT, LATE_UPDATE, OUT_OF_ORDER)
LATE_DELETES = (LATE_DELETE, OLDER_THAN_DELETE)

OTHER_CONTENT = copied_row("same_id_other_content", "the change id of an earlier change with the content of another")
COPIES = (COPY_IN_FILE, COPY_OF_EARLIER_FILE, OTHER_CONTENT)

_CUSTOMERS = (
    odd_row("comma_in_value", "a comma in a value", {"address": "Flat 3, Long Lane 7"}),
    odd_row("quotes_in_value", "doubled quotes in a value", {"last_name": 'Maria "Mia" Braun'}),
    odd_row("newline_in_value", "a line break in a value: still one record", {"city": "New\nYork"}),
    odd_row("optional_empty", "nothing in the optional fields", dict.fromkeys(("address", "city"), "")),
    odd_row("longest_name", "a name of 100 characters", {"first_name": "Ä" * 100}),
)
_PRODUCTS = (
    PRICE_JUMP,
    *_spelled_money("price"),
    odd_row("comma_in_value", "a comma in a value", {"brand": "Sons, Daughters & Co"}),
    odd_row("quotes_in_value", "doubled quotes in a value", {"brand": 'The "Real" Thing'}),
    odd_row("price_zero", "a gift", {"price": "0.00"}),
    odd_row("optional_empty", "nothing in the optional fields", {"brand": ""}),
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
