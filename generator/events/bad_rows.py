"""The bad rows of events: each rule of the contracts broken in turn, and lines that are no records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.faults import bad_lines, bad_row, bad_times

if TYPE_CHECKING:
    from generator.faults import Cell, Fault, Reason

NO_PRICE: Reason = ("rule", "purchase_has_a_price")
NO_QUANTITY: Reason = ("rule", "cart_and_purchase_have_a_quantity")
NOT_ANONYMOUS: Reason = ("rule", "anonymous_users_only_browse")
FROM_V2 = (2, 3)
FIRST_VERSION = dict.fromkeys(("session_id", "category", "quantity", "user_segment", "schema_version"), 2) | (
    dict.fromkeys(("device_type", "browser", "geo_country", "geo_city", "referrer", "campaign_id"), 3)
)


def _bad(field: str, code: str, name: str, value: Cell, doc: str, *, on: str = "view") -> Fault:
    """Return the fault of a row with one bad value, for every version that has the field."""
    versions = tuple(range(FIRST_VERSION.get(field, 1), 4))
    return bad_row(name, doc, (code, field), cells={field: value}, on=on, versions=versions)


IDENTITY = (
    _bad("event_id", "missing", "event_id_missing", "", "no event id"),
    _bad("event_id", "missing", "event_id_blank", "   ", "an event id of spaces only"),
    _bad("event_id", "too_long", "event_id_too_long", lambda v: f"{v:-<65}", "an event id of 65 characters"),
    _bad("user_id", "missing", "user_id_missing", "", "no user id"),
    _bad("user_id", "bad_type", "user_id_text", "guest", "a word for a user id"),
    _bad("user_id", "bad_type", "user_id_decimal", "12.0", "a decimal for a user id"),
    _bad("user_id", "bad_type", "user_id_beyond_64_bits", "9" * 20, "a user id that no 64-bit number holds"),
    _bad("user_id", "out_of_range", "user_id_negative", "-7", "a user id below 0"),
    _bad("event_type", "missing", "event_type_missing", "", "no event type"),
    _bad("event_type", "not_allowed", "event_type_unknown", "refund", "an event type that is none"),
    _bad("event_type", "not_allowed", "event_type_wrong_case", "View", "an event type in capitals"),
    _bad("event_type", "not_allowed", "event_type_padded", " view", "an event type with a space before it"),
)

PRODUCT = (
    _bad("product_id", "missing", "product_id_missing", "", "a view without a product"),
    _bad("product_id", "bad_type", "product_id_text", "SKU-100", "a word for a product id"),
    _bad("product_id", "out_of_range", "product_id_zero", "0", "product 0"),
    _bad("product_id", "out_of_range", "product_id_negative", "-3", "a product id below 0"),
    _bad("price", "missing", "price_missing", "", "a view without a price"),
    _bad("price", "missing", "price_missing_on_purchase", "", "a purchase without a price", on="purchase"),
    _bad("price", "out_of_range", "price_negative", "-0.01", "a price below 0"),
    _bad("price", "out_of_range", "price_too_high", "1000000.01", "a price over a million"),
    _bad("price", "bad_type", "price_three_decimals", "12.345", "a price finer than a cent"),
    _bad("price", "bad_type", "price_nan", "NaN", "a price that is not a number"),
    _bad("price", "bad_type", "price_infinite", "Infinity", "an infinite price"),
    _bad("price", "bad_type", "price_hexadecimal", "0x1F", "a price in hexadecimal"),
    _bad("price", "bad_type", "price_exponent", "1e3", "a price with an exponent"),
    _bad("price", "bad_type", "price_decimal_comma", "12,50", "a price with a decimal comma, in quotes"),
    _bad("price", "bad_type", "price_with_currency", "€12.50", "a price with its currency"),
    _bad("price", "bad_type", "price_text_on_purchase", "free", "a purchase with a word for a price", on="purchase"),
)

TIME = (
    *bad_times("event_time", prefix="time", on="view"),
    _bad("event_time", "bad_type", "time_second_60", lambda v: f"{v[:17]}60Z", "a sixtieth second"),
    _bad("event_time", "bad_type", "time_region", lambda v: f"{v[:19]} Europe/Berlin", "a zone by its region's name"),
    _bad("event_time", "bad_type", "time_impossible_date", lambda v: f"2026-02-30{v[10:]}", "a 30th of February"),
    _bad("event_time", "bad_type", "time_unpadded", "2026-1-5T7:8:9Z", "a time without leading zeros"),
    _bad("event_time", "bad_type", "time_ten_digits", lambda v: f"{v[:19]}.0123456789Z", "a fraction of ten digits"),
)

DETAIL = (
    _bad("session_id", "missing", "session_id_missing", "", "no session id"),
    _bad("session_id", "missing", "session_id_blank", "  ", "a session id of spaces only"),
    _bad("category", "missing", "category_missing", "", "no category"),
    _bad("category", "missing", "category_blank", " ", "a category of spaces only"),
    _bad("quantity", "missing", "quantity_missing", "", "no quantity"),
    _bad("quantity", "bad_type", "quantity_text", "abc", "a word for a quantity"),
    _bad("quantity", "bad_type", "quantity_decimal", "1.0", "a decimal for a quantity"),
    _bad("quantity", "bad_type", "quantity_beyond_32_bits", "3000000000", "a quantity that no 32-bit number holds"),
    _bad("quantity", "out_of_range", "quantity_negative", "-1", "a quantity below 0"),
    _bad("user_segment", "not_allowed", "user_segment_unknown", "vip", "a segment that is none"),
    _bad("user_segment", "not_allowed", "user_segment_wrong_case", "Premium", "a segment in capitals"),
    _bad("device_type", "missing", "device_type_missing", "", "no device"),
    _bad("device_type", "not_allowed", "device_type_unknown", "tv", "a device that is none"),
    _bad("device_type", "not_allowed", "device_type_wrong_case", "MOBILE", "a device in capitals"),
    _bad("geo_country", "missing", "geo_country_missing", "", "no country"),
    _bad("geo_country", "bad_pattern", "geo_country_lower_case", "de", "a country in small letters"),
    _bad("geo_country", "bad_pattern", "geo_country_three_letters", "DEU", "a country of three letters"),
    _bad("geo_country", "bad_pattern", "geo_country_digit", "D1", "a country with a digit"),
    _bad("referrer", "too_long", "referrer_too_long", "https://a.example/".ljust(2049, "x"), "2,049 characters"),
)

RULES = (
    bad_row("anonymous_purchase", "an anonymous purchase", NOT_ANONYMOUS, on="purchase", anonymous=True),
    bad_row("anonymous_cart", "an anonymous cart", NOT_ANONYMOUS, on="add_to_cart", anonymous=True),
    bad_row("anonymous_removal", "an anonymous removal", NOT_ANONYMOUS, on="remove_from_cart", anonymous=True),
    bad_row("anonymous_wishlist", "an anonymous wishlist", NOT_ANONYMOUS, on="wishlist", anonymous=True),
    bad_row("purchase_for_nothing", "a purchase at price 0", NO_PRICE, on="purchase", cells={"price": "0.00"}),
    bad_row(
        "purchase_below_nothing",
        "a purchase at a price below 0: out of range, and no price either",
        ("out_of_range", "price"),
        NO_PRICE,
        on="purchase",
        cells={"price": "-5.00"},
    ),
    bad_row(
        "anonymous_purchase_for_nothing",
        "a purchase that is both anonymous and free",
        NOT_ANONYMOUS,
        NO_PRICE,
        on="purchase",
        cells={"price": "0"},
        anonymous=True,
    ),
    *(
        bad_row(
            f"{kind}_of_none",
            f"{kind} with quantity 0",
            NO_QUANTITY,
            on=kind,
            cells={"quantity": "0"},
            versions=FROM_V2,
        )
        for kind in ("add_to_cart", "remove_from_cart", "purchase")
    ),
    bad_row(
        "purchase_of_less_than_none",
        "a purchase with a quantity below 0: out of range, and none either",
        ("out_of_range", "quantity"),
        NO_QUANTITY,
        on="purchase",
        cells={"quantity": "-2"},
        versions=FROM_V2,
    ),
    bad_row(
        "several_at_once",
        "four values wrong in one row, each with its own reason",
        ("out_of_range", "user_id"),
        ("out_of_range", "product_id"),
        ("bad_type", "price"),
        ("bad_type", "event_time"),
        on="wishlist",
        cells={"user_id": "-1", "product_id": "0", "price": "n/a", "event_time": "soon"},
    ),
    bad_row(
        "several_details_at_once",
        "wrong in the fields that later versions added, each with its own reason",
        ("missing", "category"),
        ("bad_type", "quantity"),
        ("not_allowed", "user_segment"),
        ("not_allowed", "device_type"),
        ("bad_pattern", "geo_country"),
        on="purchase",
        cells={"category": "", "quantity": "two", "user_segment": "VIP", "device_type": "fridge", "geo_country": "?"},
        versions=(3,),
    ),
)

UNREADABLE = (
    _bad("schema_version", "unknown_version", "version_text", "abc", "a version that is no number"),
    _bad("schema_version", "unknown_version", "version_99", "99", "a version that no contract has"),
    _bad("schema_version", "unknown_version", "version_0", "0", "version 0"),
    *bad_lines(on="view"),
)

BAD_ROWS = (*IDENTITY, *PRODUCT, *TIME, *DETAIL, *RULES, *UNREADABLE)
