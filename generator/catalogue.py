"""The shop's catalogue, which events and changes share: categories with their prices, places, customer segments."""

from __future__ import annotations

from typing import NamedTuple

SEGMENTS = ("new", "returning", "premium", "inactive", "at-risk", "unknown")


class Category(NamedTuple):
    """A category and the range of its prices, in cents, both ends included."""

    name: str
    low: int
    high: int


CATEGORIES = (
    Category("electronics", 1_999, 249_900),
    Category("computers", 4_999, 399_900),
    Category("fashion", 899, 24_900),
    Category("shoes", 2_499, 29_900),
    Category("home", 499, 89_900),
    Category("garden", 399, 59_900),
    Category("beauty", 299, 14_900),
    Category("sports", 799, 79_900),
    Category("toys", 499, 19_900),
    Category("books", 399, 7_900),
    Category("groceries", 49, 4_900),
    Category("pets", 199, 12_900),
)

# Country, city, share of the events' visitors.
PLACES = (
    ("DE", "Berlin", 0.14),
    ("DE", "München", 0.10),
    ("DE", "Köln", 0.06),
    ("FR", "Paris", 0.10),
    ("FR", "Lyon", 0.04),
    ("GB", "London", 0.12),
    ("US", "New York", 0.12),
    ("US", "Chicago", 0.06),
    ("ES", "Madrid", 0.06),
    ("IT", "Milano", 0.06),
    ("PL", "Łódź", 0.04),
    ("BR", "São Paulo", 0.06),
    ("JP", "東京", 0.04),
)


def price_text(cents: int) -> str:
    """Return cents as a decimal with two places."""
    return f"{cents // 100}.{cents % 100:02d}"


def cents_of(price: str) -> int:
    """Return the cents of a text that ``price_text`` wrote."""
    return int(price.replace(".", ""))
