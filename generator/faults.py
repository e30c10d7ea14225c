"""What a fault is, and how it is planted: the vocabulary of ``fault_table``."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from generator import csvtext
from generator import shop as s
from generator.events import COUNTED_TYPES

if TYPE_CHECKING:
    import numpy as np

    from generator.shop import Shop

Row = dict[str, str]
Reason = tuple[str, str | None]
Cell = str | Callable[[str], str]


class Outcome(StrEnum):
    """What the lake must make of a row."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DEAD_LETTER = "dead_letter"


class Kind(StrEnum):
    """Where a fault sits: in one row, in a copy of a row, or in a whole file."""

    ROW = "row"
    COPY = "copy"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One named way in which a row or a file is not ordinary, and what must become of its rows.

    ``cells`` are the values put in, as texts or as functions of the value before. ``on`` is the event type the row
    is turned into first, with a known user unless ``anonymous``. ``write`` puts the cells on the line.
    """

    name: str
    doc: str
    kind: Kind = Kind.ROW
    outcome: Outcome = Outcome.DEAD_LETTER
    reasons: tuple[Reason, ...] = ()
    versions: tuple[int, ...] = (1, 2, 3)
    cells: dict[str, Cell] = field(default_factory=dict)
    on: str = "view"
    anonymous: bool = False
    write: Callable[[Sequence[str]], str] = csvtext.record

    def applies(self, version: int, *, names_version: bool) -> bool:
        """Whether a file of this version, with or without a schema_version column, can hold this fault."""
        return version in self.versions and (names_version or "schema_version" not in self.cells)

    def spoil(self, row: Row, shop: Shop, rng: np.random.Generator) -> Row:
        """The row with this fault planted; the given row stays as it is."""
        spoilt = become(row, self.on, shop, rng) if self.on else dict(row)
        if self.anonymous:
            spoilt |= {"user_id": "0", "user_segment": "unknown"}
        for name, value in self.cells.items():
            spoilt[name] = value if isinstance(value, str) else value(spoilt.get(name, ""))
        return spoilt


def become(row: Row, event_type: str, shop: Shop, rng: np.random.Generator) -> Row:
    """The row as a valid event of the given type by a known user, with a product and a price."""
    made = row | {"event_type": event_type, "quantity": "1" if event_type in COUNTED_TYPES else "0"}
    if made["user_id"] == "0":
        user = int(rng.integers(0, len(shop.user_ids)))
        made |= {"user_id": shop.user_ids[user], "user_segment": s.SEGMENTS[int(shop.user_segment[user])]}
    if not made["product_id"]:
        product = int(s.draw(rng, shop.product_odds, 1)[0])
        category = s.CATEGORIES[int(shop.product_category[product])].name
        made |= {"product_id": shop.product_ids[product], "price": shop.prices[product, 0], "category": category}
    return made


def shuffled(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """The faults in an order that mixes their families and is the same everywhere."""
    return tuple(sorted(faults, key=lambda fault: zlib.crc32(fault.name.encode())))
