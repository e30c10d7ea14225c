"""The contracts of the shop's subjects in plain Python, written from their text alone, sharing nothing with the generator.

``read_file`` gives one verdict per record: its reasons, and where there are none the change in the latest version's
fields. ``recomputed`` folds such changes naively into what must stand in the lake.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from support.contract_oracle import MOMENT, records

Reasons = set[tuple[str, str | None]]

V2_CUSTOMER = [
    "customer_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "address",
    "city",
    "country",
    "segment",
    "created_at",
]
V1_CUSTOMER = ["customer_id", "first_name", "last_name", "email", "telephone", "address", "city", "country"]
V2_PRODUCT = ["product_id", "product_name", "category", "brand", "price", "cost", "description"]
V1_PRODUCT = ["product_id", "name", "category", "brand", "price"]
FIELDS = {
    "customers": {1: V1_CUSTOMER, 2: V2_CUSTOMER},
    "products": {1: V1_PRODUCT, 2: V2_PRODUCT},
    "orders": {1: ["order_id", "customer_id", "order_date", "status", "total_amount"]},
    "order_items": {1: ["order_item_id", "order_id", "product_id", "quantity", "unit_price", "line_total"]},
    "payments": {1: ["payment_id", "order_id", "method", "amount", "status", "paid_at"]},
}
OPTIONAL = ["telephone", "phone", "address", "city", "segment", "created_at", "brand", "cost", "description", "paid_at"]
TRACKED = {
    "customers": ["first_name", "last_name", "email", "address", "city", "country", "segment"],
    "products": ["product_name", "category", "brand", "price", "cost"],
}
LONG = ["customer_id", "product_id", "order_id", "order_item_id", "payment_id", "seq"]
MONEY = ["price", "cost", "total_amount", "unit_price", "line_total", "amount"]
MOMENTS = ["event_ts", "order_date", "created_at", "paid_at"]
NON_BLANK = ["change_id", "first_name", "last_name", "product_name", "category", "method"]
LONGEST = {
    "change_id": 200, "first_name": 100, "last_name": 100, "email": 254, "phone": 40, "address": 200, "city": 100,
    "product_name": 200, "brand": 100, "description": 4000, "method": 40,
}  # fmt: skip
PATTERNS = {"email": r"[^@\s]+@[^@\s]+\.[^@\s]+", "country": "[A-Z]{2}"}
STATUS = {"orders": "pending processing shipped delivered cancelled", "payments": "authorised captured refunded failed"}
SEGMENTS = ["new", "returning", "premium", "inactive", "at-risk", "unknown"]


class Read(NamedTuple):
    """One record as judged: ``row`` has canonical texts, None for null; ``given`` the fields that it names.

    What could not be read is None; an accepted change has everything.
    """

    reasons: Reasons
    change_id: Any = None
    op: Any = None
    moment: Any = None
    seq: Any = None
    row: Any = None
    given: tuple[str, ...] = ()


def read_file(subject: str, data: bytes) -> list[Read]:
    """One verdict for each data record, in order."""
    header, *rows = [*records(data)] or [[]]
    return [_read(subject, header or [], cells) for cells in rows]


def _read(subject: str, header: list[str], cells: list[str] | None) -> Read:
    if cells is None:
        return Read({("unreadable", None)})
    if len(set(header)) < len(header):
        return Read({("duplicate_header", next(name for name in header if header.count(name) > 1))})
    if any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        return Read({("encoding", None)})
    if len(cells) != len(header):
        return Read({("column_count", None)})
    row = {name: cell or None for name, cell in zip(header, cells, strict=True)}
    version = _version(subject, row)
    return _judged(subject, row, version) if version else Read({("unknown_version", "schema_version")})


def _version(subject: str, row: dict[str, str | None]) -> int | None:
    versions = FIELDS[subject]
    stated = row.get("schema_version")
    if stated is not None:
        return int(stated) if stated in map(str, versions) else None
    by_knowledge = row.get("op") == "d" or (row.get("op") == "u" and subject == "orders")
    known = {name for names in versions.values() for name in names} & set(row)
    for version in sorted(versions, reverse=True):
        required = {name for name in versions[version] if name not in OPTIONAL}
        if (known <= set(versions[version])) if by_knowledge else (required <= set(row)):
            return version
    return None


def _judged(subject: str, row: dict[str, str | None], version: int) -> Read:
    op, fields = row.get("op"), FIELDS[subject][max(FIELDS[subject])]
    judged = {name: row.get(name) for name in ("change_id", "op", "event_ts", "seq")}
    values = _migrated(subject, row, version)
    partial = subject == "orders" and op == "u"
    given = tuple(name for name in fields if name in row or not partial)
    asked = {"d": fields[:1], "t": ()}.get(op or "", given)
    judged |= {name: values[name] for name in asked}
    reasons: Reasons = set()
    typed = {name: _typed(subject, name, text, reasons) for name, text in judged.items()}
    renamed = {"product_name"} if version == 1 else set()
    required = {"change_id", "op", "event_ts", "seq", *(() if op == "t" else fields[:1]), *asked}
    reasons |= {("missing", name) for name in required - set(OPTIONAL) - renamed if judged.get(name) is None}
    quantity, price, total = (typed.get(name) for name in ("quantity", "unit_price", "line_total"))
    if quantity is not None and price is not None and total is not None and quantity * price != total:
        reasons.add(("rule", "line_total_is_quantity_times_unit_price"))
    state = {name: _canonical(typed.get(name)) for name in fields}
    return Read(reasons, row.get("change_id"), op, typed["event_ts"], typed["seq"], state, given)


def _migrated(subject: str, row: dict[str, str | None], version: int) -> dict[str, str | None]:
    values = {name: row.get(name) for name in FIELDS[subject][max(FIELDS[subject])]}
    if subject == "customers" and version == 1:
        values |= {"phone": row.get("telephone"), "segment": "unknown", "created_at": None}
    if subject == "products" and version == 1:
        values |= {"product_name": row.get("name"), "cost": None, "description": None}
    return values


def _typed(subject: str, name: str, text: str | None, reasons: Reasons) -> Any:
    if text is None:
        return None
    if name in NON_BLANK and not text.strip():
        reasons.add(("missing", name))
        return text
    value = _value(name, text)
    if value is None:
        reasons.add(("bad_type", name))
        return None
    broken = {
        "too_long": len(text) > LONGEST.get(name, 10_000),
        "bad_pattern": name in PATTERNS and not re.fullmatch(PATTERNS[name], text),
        "not_allowed": text not in _allowed(subject, name, text),
        "out_of_range": (name in MONEY and value < 0) or (name in (*LONG, "quantity") and name != "seq" and value < 1),
        "too_old": name in ("event_ts", "order_date") and value < datetime(2000, 1, 1, tzinfo=UTC),
        "future": name in ("event_ts", "order_date") and value > datetime.now(UTC) + timedelta(minutes=5),
    }
    reasons |= {(code, name) for code, is_broken in broken.items() if is_broken}
    return value


def _allowed(subject: str, name: str, text: str) -> list[str]:
    if name == "op":
        return [*"crudt"]
    if name == "segment":
        return SEGMENTS
    return STATUS[subject].split() if name == "status" else [text]


def _value(name: str, text: str) -> Any:
    if name in LONG or name == "quantity":
        fits = re.fullmatch(r" *[+-]?\d+ *", text) and abs(int(text)) < 2 ** (31 if name == "quantity" else 63)
        return int(text) if fits else None
    if name in MONEY:
        return Decimal(text.strip()) if re.fullmatch(r" *[+-]?0*\d{1,16}(\.\d{0,2})? *", text) else None
    return _moment(text) if name in MOMENTS else text


def _moment(text: str) -> datetime | None:
    if not MOMENT.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _canonical(value: Any) -> str | None:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return None if value is None else str(value)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def recomputed(subject: str, changes: list[Read]) -> dict[str, dict[str, Any]]:
    """The truth by key, folded without thought for speed: every state is computed anew from all changes below it."""
    key = FIELDS[subject][max(FIELDS[subject])][0]
    truncates = [change for change in changes if change.op == "t"]
    by_key: dict[str, list[Read]] = {}
    for change in changes:
        if change.op != "t":
            by_key.setdefault(change.row[key], []).append(change)
    return {name: _truth(subject, name, [*found, *truncates]) for name, found in by_key.items()}


def _order(change: Read) -> tuple[int, str]:
    return (change.seq, change.change_id)


def _state_after(last: Read, changes: list[Read]) -> dict[str, Any] | None:
    """The row once everything up to ``last`` has been done."""
    row = None
    for change in sorted(changes, key=_order):
        if change.op in "dt":
            row = None
        elif len(change.given) == len(change.row):
            row = change.row
        else:
            row = (row or dict.fromkeys(change.row)) | {name: change.row[name] for name in change.given}
        if change is last:
            return row
    raise AssertionError


def _truth(subject: str, key: str, changes: list[Read]) -> dict[str, Any]:
    last = max(changes, key=_order)
    row = _state_after(last, changes)
    truth = {
        "subject": subject,
        "key": [key],
        "deleted": row is None,
        "sequence": last.seq,
        "change_id": last.change_id,
        "state": row,
    }
    return truth | {"versions": _versions(subject, changes)} if subject in TRACKED else truth


def _versions(subject: str, changes: list[Read]) -> list[Any]:
    """Asks for the state at each moment at which anything happened."""
    made: list[Any] = []
    moments = sorted({change.moment for change in changes})
    for begin, end in zip(moments, [*moments[1:], None], strict=True):
        past = [change for change in changes if change.moment <= begin]
        row = _state_after(max(past, key=_order), changes)
        values = None if row is None else {name: row[name] for name in TRACKED[subject]}
        if made and made[-1][2] == values:
            made[-1][1] = end
        else:
            made.append([begin, end, values])
    return [
        {"valid_from": iso(begin), "valid_to": None if end is None else iso(end), **values}
        for begin, end, values in made
        if values is not None
    ]
