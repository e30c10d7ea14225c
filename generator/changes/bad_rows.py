"""The bad rows of changes: each rule of the contracts broken in turn, and lines that are no records.

Cells stand under the columns of the version a row is written in, reasons under the fields of the latest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.faults import ALL_VERSIONS, bad_lines, bad_row, bad_times

if TYPE_CHECKING:
    from generator.faults import Cell, Fault, Reason

FROM_V2 = (2,)
LINE_TOTAL: Reason = ("rule", "line_total_is_quantity_times_unit_price")


def _bad(
    field: str,
    code: str,
    name: str,
    value: Cell,
    doc: str,
    *,
    versions: tuple[int, ...] = ALL_VERSIONS,
    also: tuple[Reason, ...] = (),
) -> Fault:
    """Return the fault of a change with one bad value; ``also`` are reasons that this value gives besides."""
    return bad_row(f"{field}_{name}", doc, (code, field), *also, cells={field: value}, versions=versions)


def _id(field: str) -> tuple[Fault, ...]:
    return (
        _bad(field, "missing", "missing", "", f"no {field}"),
        _bad(field, "bad_type", "text", "n/a", f"a word for {field}"),
        _bad(field, "bad_type", "decimal", lambda v: f"{v}.0", f"a decimal for {field}"),
        _bad(field, "out_of_range", "zero", "0", f"{field} 0"),
    )


def _text(
    field: str, max_length: int, *, required: bool = True, versions: tuple[int, ...] = ALL_VERSIONS
) -> tuple[Fault, ...]:
    longest = _bad(
        field, "too_long", "too_long", "x" * (max_length + 1), f"{max_length + 1} characters", versions=versions
    )
    empty = _bad(field, "missing", "missing", "", f"no {field}", versions=versions)
    spaces = _bad(field, "missing", "blank", "   ", f"{field} of spaces only", versions=versions)
    return (longest, empty, spaces) if required else (longest,)


def _money(
    field: str, *also: Reason, required: bool = True, versions: tuple[int, ...] = ALL_VERSIONS
) -> tuple[Fault, ...]:
    """Return the faults of an amount; ``also`` are further reasons that a value below 0 gives."""
    made = (
        _bad(field, "out_of_range", "negative", "-19.99", f"{field} below 0", also=also, versions=versions),
        _bad(field, "bad_type", "three_decimals", "12.345", f"{field} finer than a cent", versions=versions),
        _bad(field, "bad_type", "nan", "NaN", f"{field} that is not a number", versions=versions),
        _bad(field, "bad_type", "with_currency", "€12.50", f"{field} with its currency", versions=versions),
        _bad(field, "bad_type", "comma", "12,50", f"{field} with a decimal comma, in quotes", versions=versions),
        _bad(field, "bad_type", "beyond_precision", "9" * 17 + ".00", "19 digits", versions=versions),
    )
    return (*made, _bad(field, "missing", "missing", "", f"no {field}")) if required else made


def _enum(
    field: str, unknown: str, *, required: bool = True, versions: tuple[int, ...] = ALL_VERSIONS
) -> tuple[Fault, ...]:
    made = (
        _bad(field, "not_allowed", "unknown", unknown, f"{field} that is none", versions=versions),
        _bad(field, "not_allowed", "wrong_case", lambda v: v.upper() or "X", f"{field} in capitals", versions=versions),
    )
    return (*made, _bad(field, "missing", "missing", "", f"no {field}")) if required else made


CHANGE = (
    _bad("change_id", "missing", "missing", "", "no change id"),
    _bad("change_id", "missing", "blank", "   ", "a change id of spaces only"),
    _bad("change_id", "too_long", "too_long", lambda v: f"{v:-<201}", "a change id of 201 characters"),
    *_enum("op", "x"),
    _bad("op", "not_allowed", "word", "update", "a word for an op"),
    *bad_times("event_ts", prefix="event_ts"),
    _bad("seq", "missing", "missing", "", "no sequence"),
    _bad("seq", "bad_type", "text", "latest", "a word for a sequence"),
    _bad("seq", "bad_type", "decimal", lambda v: f"{v}.5", "a decimal for a sequence"),
    _bad("seq", "bad_type", "beyond_64_bits", "9" * 20, "a sequence that no 64-bit number holds"),
    _bad("schema_version", "unknown_version", "text", "abc", "a version that is no number"),
    _bad("schema_version", "unknown_version", "99", "99", "a version that no contract has"),
    _bad("schema_version", "unknown_version", "0", "0", "version 0"),
    *bad_lines(),
)

CUSTOMERS = (
    *_id("customer_id"),
    *_text("first_name", 100),
    *_text("last_name", 100),
    _bad("email", "missing", "missing", "", "no mail address"),
    _bad("email", "bad_pattern", "without_at", "anna.example.com", "a mail address without an @"),
    _bad("email", "bad_pattern", "with_space", "anna @example.com", "a mail address with a space"),
    _bad("email", "bad_pattern", "without_host", "anna@localhost", "a mail address whose host has no dot"),
    _bad("email", "too_long", "too_long", "a" * 243 + "@example.com", "a mail address of 255 characters"),
    *_text("phone", 40, required=False, versions=FROM_V2),
    bad_row("telephone_too_long", "the old name", ("too_long", "phone"), cells={"telephone": "5" * 41}, versions=(1,)),
    *_text("address", 200, required=False),
    *_text("city", 100, required=False),
    _bad("country", "missing", "missing", "", "no country"),
    _bad("country", "bad_pattern", "lower_case", "de", "a country in small letters"),
    _bad("country", "bad_pattern", "three_letters", "DEU", "a country of three letters"),
    *_enum("segment", "vip", required=False, versions=FROM_V2),
    _bad("created_at", "bad_type", "words", "long ago", "words for a time", versions=FROM_V2),
    bad_row(
        "several_at_once",
        "wrong in four ways, each with its own reason",
        ("out_of_range", "customer_id"),
        ("missing", "last_name"),
        ("bad_pattern", "email"),
        ("bad_pattern", "country"),
        cells={"customer_id": "-4", "last_name": " ", "email": "@", "country": "Germany"},
    ),
)

PRODUCTS = (
    *_id("product_id"),
    *_text("product_name", 200, versions=FROM_V2),
    _bad("category", "missing", "missing", "", "no category"),
    _bad("category", "missing", "blank", "  ", "a category of spaces only"),
    *_text("brand", 100, required=False),
    *_money("price"),
    *_money("cost", required=False, versions=FROM_V2),
    *_text("description", 4000, required=False, versions=FROM_V2),
)

ORDERS = (
    *_id("order_id"),
    *_id("customer_id"),
    *bad_times("order_date", prefix="order_date"),
    *_enum("status", "returned"),
    *_money("total_amount"),
)

ORDER_ITEMS = (
    *_id("order_item_id"),
    *_id("order_id"),
    *_id("product_id"),
    _bad("quantity", "missing", "missing", "", "no quantity"),
    _bad("quantity", "bad_type", "decimal", lambda v: f"{v}.0", "a decimal for a quantity"),
    _bad("quantity", "bad_type", "beyond_32_bits", "3000000000", "a quantity that no 32-bit number holds"),
    _bad("quantity", "out_of_range", "negative", "-1", "a quantity below 0, and a total to match", also=(LINE_TOTAL,)),
    bad_row(
        "quantity_zero",
        "none of it, for nothing",
        ("out_of_range", "quantity"),
        cells={"quantity": "0", "line_total": "0.00"},
    ),
    *_money("unit_price", LINE_TOTAL),
    *_money("line_total", LINE_TOTAL),
    bad_row(
        "line_total_off_by_a_cent",
        "a total that is not that of its pieces",
        LINE_TOTAL,
        cells={"line_total": lambda v: f"{float(v) + 0.01:.2f}"},
    ),
)

PAYMENTS = (
    *_id("payment_id"),
    *_id("order_id"),
    *_text("method", 40),
    *_money("amount"),
    *_enum("status", "pending"),
    _bad("paid_at", "bad_type", "words", "soon", "words for a time"),
)

BAD_ROWS: dict[str, tuple[Fault, ...]] = {
    "customers": (*CHANGE, *CUSTOMERS),
    "products": (*CHANGE, *PRODUCTS),
    "orders": (*CHANGE, *ORDERS),
    "order_items": (*CHANGE, *ORDER_ITEMS),
    "payments": (*CHANGE, *PAYMENTS),
}
