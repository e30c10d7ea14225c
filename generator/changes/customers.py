"""The customers: they join, move, change their mail or telephone, leave, and some come back."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from generator.catalogue import PLACES, SEGMENTS
from generator.changes.population import Population
from generator.clock import to_text

if TYPE_CHECKING:
    from generator.changes.change import ChangeLog, Row
    from generator.changes.options import ShopOptions
    from generator.changes.schedule import Schedule

OPENING_SHARE = 0.8  # of the final number of customers are there on the first day
GROWTH_DAYS = 30
COME_BACK = 0.25

FIRST_NAMES = ("Anna", "Ben", "Chloé", "David", "Elif", "François", "Grace", "Hiro", "Inês", "Jan", "Łucja", "Omar")
LAST_NAMES = ("Müller", "Martin", "Smith", "García", "Rossi", "Nowak", "Silva", "Sato", "O'Neil", "Schäfer", "Kaya")
STREETS = ("Station Road", "Hauptstraße", "Rue de la Paix", "Calle Mayor", "Via Roma", "Park Avenue", "ul. Długa")
MAIL_HOSTS = ("example.com", "example.org", "mail.example.net")


class Customers(Population):
    """The customers there are now; their number tends to ``options.customers``."""

    TURNOVER = (1 - OPENING_SHARE) / GROWTH_DAYS
    CHANGES = MappingProxyType({"move": 0.28, "email": 0.15, "phone": 0.22, "segment": 0.25, "nothing": 0.10})
    LEGACY_PLACE = 3
    TAKEN_OVER = 0.1

    def __init__(self, log: ChangeLog, schedule: Schedule, options: ShopOptions) -> None:
        super().__init__(log, schedule, options, size=options.customers)

    def _opening_count(self) -> int:
        return max(1, round(self._size * OPENING_SHARE))

    def _changed(self, kind: str, number: int) -> Row:
        if kind == "move":
            return self._address()
        if kind == "email":
            return {"email": self._email(self._rows[number]["first_name"], number)}
        if kind == "phone":
            return {"phone": self._phone()}
        return {"segment": self._rng.choice(SEGMENTS)} if kind == "segment" else {}

    def _forget(self, moment_ms: int, number: int, row: Row) -> None:
        """Forget the customer, or have them come back later with another address and the same number."""
        if self._rng.random() < COME_BACK:
            later_ms = moment_ms + int((5 + 35 * self._rng.random()) * self._options.day_ms)
            self._schedule.add(later_ms, self._come_back, number, row | self._address())
        else:
            super()._forget(moment_ms, number, row)

    def _come_back(self, moment_ms: int, number: int, row: Row) -> None:
        self._put("c", moment_ms, number, row)

    def _new_row(self, number: int, moment_ms: int, *, is_snapshot: bool) -> Row:
        rng = self._rng
        joined_ms = moment_ms - int(rng.random() * 700 * self._options.day_ms) if is_snapshot else moment_ms
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        return {
            "customer_id": str(number),
            "first_name": first,
            "last_name": last,
            "email": self._email(first, number),
            "phone": self._phone() if rng.random() < 0.8 else "",
            **self._address(),
            "segment": "new",
            "created_at": to_text(joined_ms),
        }

    def _email(self, first: str, number: int) -> str:
        name = first.encode("ascii", "ignore").decode().lower()
        return f"{name}.{number}.{self._rng.randrange(10_000)}@{self._rng.choice(MAIL_HOSTS)}"

    def _phone(self) -> str:
        return f"+{self._rng.randrange(10, 99)} {self._rng.randrange(10**8, 10**9)}"

    def _address(self) -> Row:
        country, city, _ = self._rng.choice(PLACES)
        address = f"{self._rng.choice(STREETS)} {self._rng.randrange(1, 200)}"
        return {"address": address, "city": city, "country": country}
