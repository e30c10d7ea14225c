"""The customers: they join, move, change their mail or telephone, leave, and some come back."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from generator.changes.agenda import Agenda, Pool, hour_of_day, times
from generator.clock import to_text
from generator.shop import PLACES, SEGMENTS

if TYPE_CHECKING:
    from generator.changes.change import Journal, Row
    from generator.changes.options import ShopOptions

OPENING_SHARE = 0.8  # of the customers that the shop settles at are there on the first day
SETTLING_DAYS = 30
COME_BACK = 0.25
KEPT_BY_OLD_SYSTEM = 10  # one customer of so many is written in version 1 until they are taken over
TAKEN_OVER = 0.1

FIRST_NAMES = ("Anna", "Ben", "Chloé", "David", "Elif", "François", "Grace", "Hiro", "Inês", "Jan", "Łucja", "Omar")
LAST_NAMES = ("Müller", "Martin", "Smith", "García", "Rossi", "Nowak", "Silva", "Sato", "O'Neil", "Schäfer", "Kaya")
STREETS = ("Station Road", "Hauptstraße", "Rue de la Paix", "Calle Mayor", "Via Roma", "Park Avenue", "ul. Długa")
MAIL_HOSTS = ("example.com", "example.org", "mail.example.net")
CHANGES = {"move": 0.28, "email": 0.15, "phone": 0.22, "segment": 0.25, "nothing": 0.10}


class Customers:
    """Who is a customer now, and the log of how it came about."""

    def __init__(self, journal: Journal, agenda: Agenda, options: ShopOptions) -> None:
        self.pool = Pool()
        self._rows: dict[int, Row] = {}
        self._old: set[int] = set()
        self._next = 1
        self._journal, self._agenda, self._options = journal, agenda, options
        self._rng = Random(f"{options.seed}/customers")

    def open(self, begin_ms: int) -> None:
        """The snapshot of those who are there when the shop opens."""
        for _ in range(max(1, round(self._options.customers * OPENING_SHARE))):
            joined_ms = begin_ms - int(self._rng.random() * 700 * self._options.day_ms)
            self._enter("r", begin_ms, joined_ms)

    def plan_day(self, begin_ms: int) -> None:
        """Put the day's joining, changing and leaving on the agenda; the number of customers tends to what is asked."""
        rng, options = self._rng, self._options
        turnover = (1 - OPENING_SHARE) / SETTLING_DAYS
        counts = (
            (self._join, times(rng, options.customers * turnover)),
            (self._change, times(rng, len(self.pool) * options.churn)),
            (self._leave, times(rng, len(self.pool) * turnover)),
        )
        for action, count in counts:
            for _ in range(count):
                self._agenda.at(begin_ms + int(hour_of_day(rng) * options.day_ms), action)

    def _join(self, moment_ms: int) -> None:
        self._enter("c", moment_ms, moment_ms)

    def _enter(self, op: str, moment_ms: int, joined_ms: int) -> None:
        number, self._next = self._next, self._next + 1
        if number % KEPT_BY_OLD_SYSTEM == 3:
            self._old.add(number)
        self._put(op, moment_ms, number, self._new_row(number, joined_ms))

    def _put(self, op: str, moment_ms: int, number: int, row: Row) -> None:
        self.pool.add(number)
        self._rows[number] = row
        self._write(op, moment_ms, number)

    def _write(self, op: str, moment_ms: int, number: int) -> None:
        self._journal.write(op, moment_ms, self._rows[number], version=1 if number in self._old else 2)

    def _change(self, moment_ms: int) -> None:
        if not len(self.pool):
            return
        rng, number = self._rng, self.pool.pick(self._rng)
        if number in self._old and rng.random() < TAKEN_OVER:
            self._old.remove(number)
        (kind,) = rng.choices(tuple(CHANGES), tuple(CHANGES.values()))
        self._rows[number] = self._rows[number] | self._changed(kind, number)
        self._write("u", moment_ms, number)

    def _changed(self, kind: str, number: int) -> Row:
        """The new values; "nothing" is an update that changes nothing."""
        if kind == "move":
            return self._place()
        if kind == "email":
            return {"email": self._email(self._rows[number]["first_name"], number)}
        if kind == "phone":
            return {"phone": self._phone()}
        return {"segment": self._rng.choice(SEGMENTS)} if kind == "segment" else {}

    def _leave(self, moment_ms: int) -> None:
        if len(self.pool) < 2:
            return
        number = self.pool.pick(self._rng)
        self._write("d", moment_ms, number)
        self.pool.remove(number)
        row = self._rows.pop(number)
        if self._rng.random() < COME_BACK:
            later_ms = moment_ms + int((5 + 35 * self._rng.random()) * self._options.day_ms)
            self._agenda.at(later_ms, self._come_back, number, row | self._place())
        else:
            self._old.discard(number)

    def _come_back(self, moment_ms: int, number: int, row: Row) -> None:
        self._put("c", moment_ms, number, row)

    def _new_row(self, number: int, joined_ms: int) -> Row:
        rng = self._rng
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        return {
            "customer_id": str(number),
            "first_name": first,
            "last_name": last,
            "email": self._email(first, number),
            "phone": self._phone() if rng.random() < 0.8 else "",
            **self._place(),
            "segment": "new",
            "created_at": to_text(joined_ms),
        }

    def _email(self, first: str, number: int) -> str:
        name = first.encode("ascii", "ignore").decode().lower()
        return f"{name}.{number}.{self._rng.randrange(10_000)}@{self._rng.choice(MAIL_HOSTS)}"

    def _phone(self) -> str:
        return f"+{self._rng.randrange(10, 99)} {self._rng.randrange(10**8, 10**9)}"

    def _place(self) -> Row:
        country, city, _ = self._rng.choice(PLACES)
        address = f"{self._rng.choice(STREETS)} {self._rng.randrange(1, 200)}"
        return {"address": address, "city": city, "country": country}
