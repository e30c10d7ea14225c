"""Odd changes, which are accepted: each is derived from an ordinary change that is written as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.catalogue import cents_of, price_text
from generator.changes import odd_rows as odd
from generator.changes.contracts import fields_of, latest_names
from generator.changes.odd_rows import BEFORE_INSERT, OLD_TRUNCATE, ORPHAN, PRICE_JUMP, UNKNOWN_DELETE

if TYPE_CHECKING:
    from random import Random

    from generator.changes.change import Change, Row
    from generator.faults import Fault

MINUTE_MS = 60_000
UNKNOWN_OWNER, UNKNOWN_KEY = 9_000_000_000, 8_000_000_000  # numbers that the shop itself does not reach
JUMP = 50
OTHER_VALUES: dict[str, Row] = {
    "customers": {"city": "Elsewhere"},
    "products": {"brand": "Once Upon"},
    "order_items": {},
}


def odd_change(fault: Fault, subject: str, base: Change, number: int, rng: Random) -> Change:
    """Return the change that ``fault`` adds to ``base``; ``number`` makes its id unique in its subject.

    Its sequence lies between that of ``base`` and the next, or just before ``base`` where ``base`` is to win; its moment
    is that of ``base`` or shortly before.
    """
    change = base._replace(change_id=f"{base.change_id}-{number}", seq=base.seq + 1 + number % 4)
    if fault is ORPHAN:
        return change._replace(op="c", row=base.row | _unknown_owner(subject, number), status_only=False)
    if fault is UNKNOWN_DELETE:
        return change._replace(op="d", row={fields_of(subject)[0]: str(UNKNOWN_KEY + number)}, status_only=False)
    if fault is OLD_TRUNCATE:
        return change._replace(op="t", seq=0, row={}, status_only=False)
    if fault is BEFORE_INSERT:
        return change._replace(op="u")
    if fault is PRICE_JUMP:
        jumped = price_text(cents_of(base.row["price"]) * JUMP)
        return _before(change, base, rng)._replace(row=base.row | {"price": jumped})
    return change._replace(op=_op(fault, base), row=base.row | _values(fault, base, subject))


def older_than_delete(base: Change, subject: str, number: int, rng: Random) -> Change:
    """Return an update older than the delete ``base``."""
    change = base._replace(op="u", change_id=f"{base.change_id}-{number}", row=base.row | OTHER_VALUES[subject])
    return _before(change, base, rng)


def _before(change: Change, base: Change, rng: Random) -> Change:
    """Return the change just before ``base``, in sequence and by the clock."""
    return change._replace(seq=base.seq - 2, moment_ms=base.moment_ms - rng.randrange(1, 30) * MINUTE_MS)


def _op(fault: Fault, base: Change) -> str:
    given = fault.cells.get("op", "u")
    return given if isinstance(given, str) else base.op


def _values(fault: Fault, base: Change, subject: str) -> Row:
    """Return the fault's new values, under the latest version's names; spellings are left out."""
    names = latest_names(subject, base.version)
    return {names[name]: cell for name, cell in fault.cells.items() if isinstance(cell, str) and name in names}


def _unknown_owner(subject: str, number: int) -> Row:
    """Return a key of its own, and the number of an owner that does not exist."""
    key, owner = fields_of(subject)[:2]
    return {key: str(UNKNOWN_OWNER + number), owner: str(UNKNOWN_OWNER + number)}


def faulty_cells(fault: Fault, cells: dict[str, str]) -> dict[str, str]:
    """Return a line's cells with the fault: the values of a bad row put in, those of an odd row spelled anew."""
    if fault in odd.COPIES:
        return cells
    made = dict(cells)
    for name, cell in fault.cells.items():
        if name not in made:
            continue
        if not isinstance(cell, str):
            made[name] = cell(made[name])
        elif fault.reasons:
            made[name] = cell
    return made
