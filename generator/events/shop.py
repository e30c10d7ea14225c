"""The shop that events come from: products, users and the odds of what they do, all drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.catalogue import CATEGORIES, PLACES, price_text

Texts = NDArray[np.object_]
Numbers = NDArray[np.int64]
Weights = NDArray[np.float64]

PRODUCTS_PER_CATEGORY = 100
USERS = 50_000
DISCOUNTS = (0, 0, 0, 0, 0, 0, 0, 10, 15, 25)  # per cent, one drawn for each session
SEGMENT_SHARE = (0.20, 0.35, 0.10, 0.15, 0.15, 0.05)
SEGMENT_ACTIVITY = (1.0, 1.6, 2.5, 0.2, 0.5, 0.8)
DEVICES = ("desktop", "mobile", "tablet", "other")
DEVICE_SHARE = (0.36, 0.52, 0.10, 0.02)
BROWSERS = ("Chrome", "Safari", "Firefox", "Edge", "")
BROWSER_SHARE = (0.55, 0.22, 0.10, 0.09, 0.04)
REFERRERS = (
    "",
    "https://www.google.com/search?q=shop",
    "https://news.example.org/deals",
    "https://social.example.com/p/1842",
    "https://mail.example.net/weekly?ref=42",
)
REFERRER_SHARE = (0.45, 0.30, 0.08, 0.10, 0.07)
CAMPAIGNS = ("", "winter-sale", "newsletter-07", "retarget-3", "brand")
CAMPAIGN_SHARE = (0.70, 0.10, 0.08, 0.07, 0.05)


@dataclass(frozen=True, slots=True)
class Shop:
    """Lookup arrays of one shop. ``*_odds`` are cumulative probabilities for ``draw``; texts are ready to be written."""

    product_ids: Texts
    product_category: Numbers
    prices: Texts  # product x discount slot
    product_odds: Weights
    user_ids: Texts
    user_segment: Numbers
    user_place: Numbers
    user_odds: Weights
    place_odds: Weights
    device_odds: Weights
    browser_odds: Weights
    referrer_odds: Weights
    campaign_odds: Weights


def texts(values: Any) -> Texts:
    """Return an array of Python strings, so that picking by index copies references only."""
    made = np.empty(len(values), dtype=object)
    made[:] = list(values)
    return made


def odds(weights: Any) -> Weights:
    """Return the cumulative probabilities of the given weights; the last is exactly 1."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(cumulative / cumulative[-1], dtype=np.float64)


def draw(rng: np.random.Generator, cumulative: Weights, size: int | tuple[int, ...]) -> Numbers:
    """Draw indices with the given cumulative probabilities."""
    return np.searchsorted(cumulative, rng.random(size), side="right").astype(np.int64)


@lru_cache(maxsize=4)
def open_shop(seed: int) -> Shop:
    """Return the shop of a seed: 1,200 products, 50,000 users, the same every time."""
    rng = np.random.default_rng([seed, 0])
    shelf = np.repeat(np.arange(len(CATEGORIES)), PRODUCTS_PER_CATEGORY)
    segment = draw(rng, odds(SEGMENT_SHARE), USERS)
    place_odds = odds([share for *_, share in PLACES])
    return Shop(
        product_ids=texts([str(1 + n) for n in range(len(shelf))]),
        product_category=shelf,
        prices=_discounted(_list_prices(rng, shelf)),
        product_odds=odds(_zipf(rng, len(shelf), exponent=1.05)),
        user_ids=texts([str(1 + n) for n in range(USERS)]),
        user_segment=segment,
        user_place=draw(rng, place_odds, USERS),
        user_odds=odds(_zipf(rng, USERS, exponent=0.6) * np.asarray(SEGMENT_ACTIVITY)[segment]),
        place_odds=place_odds,
        device_odds=odds(DEVICE_SHARE),
        browser_odds=odds(BROWSER_SHARE),
        referrer_odds=odds(REFERRER_SHARE),
        campaign_odds=odds(CAMPAIGN_SHARE),
    )


def _list_prices(rng: np.random.Generator, shelf: Numbers) -> Numbers:
    low = np.asarray([category.low for category in CATEGORIES], dtype=np.float64)[shelf]
    high = np.asarray([category.high for category in CATEGORIES], dtype=np.float64)[shelf]
    return (low * (high / low) ** rng.beta(2, 4, len(shelf))).astype(np.int64)


def _discounted(cents: Numbers) -> Texts:
    made = np.empty((len(cents), len(DISCOUNTS)), dtype=object)
    for slot, discount in enumerate(DISCOUNTS):
        made[:, slot] = [price_text(full * (100 - discount) // 100) for full in cents.tolist()]
    return made


def _zipf(rng: np.random.Generator, count: int, *, exponent: float) -> Weights:
    ranks = rng.permutation(count) + 1
    return np.asarray(1.0 / ranks**exponent, dtype=np.float64)
