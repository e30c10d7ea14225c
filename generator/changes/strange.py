"""Strange changes that are accepted: each made from an ordinary one that it stands beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.changes import odd_rows as odd
from generator.changes.contracts import columns_in, fields_of
from generator.changes.odd_rows import BEFORE_INSERT, OLD_TRUNCATE, ORPHAN, PRICE_JUMP, UNKNOWN_DELETE
from generator.shop import price_text

if TYPE_CHECKING:
    from random import Random

    from generator.changes.change import Change, Row
    from generator.faults import Fault

MINUTE_MS = 60_000
NOWHERE, NEVER = 9_000_000_000, 8_000_000_000  # numbers that the shop itself does not reach
JUMP = 50
OTHER_VALUES: dict[str, Row] = {
    "customers": {"city": "Elsewhere"},
    "products": {"brand": "Once Upon"},
    "order_items": {},
}


def strange(fault: Fault, subject: str, base: Change, number: int, rng: Random) -> Change:
    """The change that ``fault`` adds beside ``base``; ``number`` tells it from all others of its subject.

    Its sequence lies between that of ``base`` and the next, or just before ``base`` where ``base`` is to have the last
    word; at one moment with ``base`` or shortly before it.
    """
    change = base._replace(change_id=f"{base.change_id}-{number}", seq=base.seq + 1 + number % 4)
    if fault is ORPHAN:
        return change._replace(op="c", row=base.row | _nowhere(subject, number), partial=False)
    if fault is UNKNOWN_DELETE:
        return change._replace(op="d", row={fields_of(subject)[0]: str(NEVER + number)}, partial=False)
    if fault is OLD_TRUNCATE:
        return change._replace(op="t", seq=0, row={}, partial=False)
    if fault is BEFORE_INSERT:
        return change._replace(op="u")
    if fault is PRICE_JUMP:
        jumped = price_text(int(base.row["price"].replace(".", "")) * JUMP)
        return before(change, base, rng)._replace(row=base.row | {"price": jumped})
    return change._replace(op=_op(fault, base), row=base.row | _values(fault, base, subject))


def behind_delete(base: Change, subject: str, number: int, rng: Random) -> Change:
    """An update older than the delete ``base``."""
    change = base._replace(op="u", change_id=f"{base.change_id}-{number}", row=base.row | OTHER_VALUES[subject])
    return before(change, base, rng)


def before(change: Change, base: Change, rng: Random) -> Change:
    """The change just before ``base``, in sequence and by the clock."""
    return change._replace(seq=base.seq - 2, moment_ms=base.moment_ms - rng.randrange(1, 30) * MINUTE_MS)


def _op(fault: Fault, base: Change) -> str:
    given = fault.cells.get("op", "u")
    return given if isinstance(given, str) else base.op


def _values(fault: Fault, base: Change, subject: str) -> Row:
    """What the fault says as texts, under the latest version's names."""
    names = columns_in(subject, base.version)
    return {names[name]: cell for name, cell in fault.cells.items() if isinstance(cell, str) and name in names}


def _nowhere(subject: str, number: int) -> Row:
    """A number of its own, and that of something it belongs to which does not exist."""
    key, owner = fields_of(subject)[:2]
    return {key: str(NOWHERE + number), owner: str(NOWHERE + number)}


def spelled(fault: Fault, cells: dict[str, str]) -> dict[str, str]:
    """The cells of a line as the fault has them: a bad row's values put in, another spelling of an odd row's."""
    if fault in odd.COPIES:
        return cells
    is_odd = not fault.reasons
    changed = {name: cell for name, cell in fault.cells.items() if name in cells and not (is_odd and _is_text(cell))}
    return cells | {name: cell if isinstance(cell, str) else cell(cells[name]) for name, cell in changed.items()}


def _is_text(cell: object) -> bool:
    return isinstance(cell, str)
