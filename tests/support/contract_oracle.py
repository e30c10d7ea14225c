"""The contract of ecommerce_events in plain Python, written from its text alone and sharing nothing with the generator.

Reads a file as the lake promises to read it and judges each record: ``judged_file`` gives one verdict per record.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Reasons = set[tuple[str, str | None]]

REQUIRED = {1: ["event_id", "user_id", "event_type", "event_time"]}
REQUIRED[2] = [*REQUIRED[1], "session_id", "category", "quantity"]
REQUIRED[3] = [*REQUIRED[2], "device_type", "geo_country"]
INTRODUCED = {"session_id": 2, "category": 2, "quantity": 2, "user_segment": 2, "device_type": 3, "geo_country": 3}
NON_BLANK = ("event_id", "session_id", "category")
LONGEST = {"event_id": 64, "referrer": 2048}
SMALLEST = {"user_id": 0, "product_id": 1, "price": 0, "quantity": 0}
ALLOWED = {
    "event_type": {"view", "search", "add_to_cart", "remove_from_cart", "wishlist", "purchase"},
    "user_segment": {"new", "returning", "premium", "inactive", "at-risk", "unknown"},
    "device_type": {"desktop", "mobile", "tablet", "other"},
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?")


class Verdict(NamedTuple):
    """What becomes of one record; ``values`` are its typed values where it was judged."""

    reasons: Reasons
    values: dict[str, object]


def records(data: bytes) -> Iterator[list[str] | None]:
    """The records of a file; None for a line with a quote that is never properly closed: it costs that line only."""
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if not text[at:end].strip("\r"):
            at = end + 1
            continue
        found = _record(text, at)
        yield found[0] if found else None
        at = found[1] if found else end + 1


def _record(text: str, at: int) -> tuple[list[str], int] | None:
    cells: list[str] = []
    while True:
        quoted = re.compile(r'"((?:[^"]|"")*)"(?=,|\r?\n|\Z)').match(text, at)
        if text.startswith('"', at) and not quoted:
            return None
        plain = quoted or re.compile(r"[^,\r\n]*").match(text, at)
        assert plain
        cells.append(quoted[1].replace('""', '"') if quoted else plain[0])
        at = plain.end()
        if not text.startswith(",", at):
            return cells, at + (2 if text.startswith("\r\n", at) else 1)
        at += 1


def judged_file(data: bytes) -> list[Verdict]:
    """One verdict for each data record, in order."""
    header, *rows = [*records(data)] or [[]]
    assert header is not None
    return [_judged(header, cells) for cells in rows]


def _judged(header: list[str], cells: list[str] | None) -> Verdict:
    if cells is None:
        return Verdict({("unreadable", None)}, {})
    if len(set(header)) < len(header):
        return Verdict({("duplicate_header", next(name for name in header if header.count(name) > 1))}, {})
    if any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        return Verdict({("encoding", None)}, {})
    if len(cells) != len(header):
        return Verdict({("column_count", None)}, {})
    row = {name: cell or None for name, cell in zip(header, cells, strict=True)}
    version = _version(row)
    if version is None:
        return Verdict({("unknown_version", "schema_version")}, {})
    return _judged_row(row, version)


def _version(row: dict[str, str | None]) -> int | None:
    given = row.get("schema_version")
    if given is not None:
        return int(given) if given in ("1", "2", "3") else None
    return next((version for version in (3, 2, 1) if set(REQUIRED[version]) <= set(row)), None)


def _judged_row(row: dict[str, str | None], version: int) -> Verdict:
    known = {name: text for name, text in row.items() if INTRODUCED.get(name, 1) <= version}
    reasons: Reasons = set()
    values: dict[str, object] = {}
    for name, text in known.items():
        values[name] = _typed(name, text, reasons)
    missing = [
        *REQUIRED[version],
        *(["product_id", "price"] if known.get("event_type") not in (None, "search") else []),
    ]
    reasons |= {("missing", name) for name in missing if known.get(name) is None}
    for name, value in values.items():
        if value is not None:
            _check(name, value, reasons)
    _check_rules({"quantity": 1, **values} if version == 1 else values, reasons)
    return Verdict(reasons, values)


def _typed(name: str, text: str | None, reasons: Reasons) -> object:
    if text is None:
        return None
    forms = {
        "user_id": _integer,
        "product_id": _integer,
        "quantity": lambda given: _integer(given, bits=32),
        "price": lambda given: Decimal(given) if re.fullmatch(r" *[+-]?\d+(\.\d{1,2})? *", given) else None,
        "event_time": _moment,
    }
    value = forms[name](text) if name in forms else text
    if value is None:
        reasons.add(("bad_type", name))
    return value


def _integer(text: str, bits: int = 64) -> int | None:
    fits = re.fullmatch(r" *[+-]?\d+ *", text) and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)
    return int(text) if fits else None


def _moment(text: str) -> datetime | None:
    if not MOMENT.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _check(name: str, value: Any, reasons: Reasons) -> None:
    text = str(value)
    broken = {
        "missing": name in NON_BLANK and not text.strip(),
        "too_long": len(text) > LONGEST.get(name, 1_000_000),
        "not_allowed": name in ALLOWED and text not in ALLOWED[name],
        "bad_pattern": name == "geo_country" and not re.fullmatch("[A-Z]{2}", text),
        "out_of_range": name in SMALLEST and (value < SMALLEST[name] or (name == "price" and value > 1_000_000)),
        "too_old": name == "event_time" and value < datetime(2000, 1, 1, tzinfo=UTC),
        "future": name == "event_time" and value > datetime.now(UTC) + timedelta(minutes=5),
    }
    reasons |= {(code, name) for code, is_broken in broken.items() if is_broken}


def _check_rules(values: dict[str, Any], reasons: Reasons) -> None:
    event_type, quantity, price = values.get("event_type"), values.get("quantity"), values.get("price")
    if event_type is None:
        return
    if values.get("user_id") == 0 and event_type not in ("view", "search"):
        reasons.add(("rule", "anonymous_users_only_browse"))
    if event_type == "purchase" and price is not None and price <= 0:
        reasons.add(("rule", "purchase_has_a_price"))
    if event_type in ("add_to_cart", "remove_from_cart", "purchase") and quantity is not None and quantity < 1:
        reasons.add(("rule", "cart_and_purchase_have_a_quantity"))
