"""Ordinary traffic: sessions of shoppers as columns of text, one list for each field of the latest contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from generator.catalogue import CATEGORIES, PLACES, SEGMENTS
from generator.events import shop as s
from generator.events.paths import COUNTED, EVENT_TYPES, PATH_ITEMS, PATH_KINDS, PATH_LENGTHS, PATH_ODDS, SEARCH
from generator.events.shop import Numbers, Shop, Texts, draw, texts

if TYPE_CHECKING:
    from generator.clock import Clock

Columns = dict[str, list[str]]
Words = NDArray[np.uint64]

V1_FIELDS = ("event_id", "user_id", "event_type", "product_id", "price", "event_time")
V2_FIELDS = (*V1_FIELDS, "session_id", "category", "quantity", "user_segment")
V3_FIELDS = (*V2_FIELDS, "device_type", "browser", "geo_country", "geo_city", "referrer", "campaign_id")
FIELDS = {1: V1_FIELDS, 2: V2_FIELDS, 3: V3_FIELDS}

ANONYMOUS_SHARE = 0.22
ITEMS_PER_SESSION = 3
LONGEST_JITTER_SECONDS = 45.0


class Sessions(NamedTuple):
    """One entry for each session; ``items`` and ``quantity`` have one column for each item of a path."""

    user: Numbers  # index into the shop's users; -1 is anonymous
    path: Numbers
    items: Numbers
    quantity: Numbers
    discount: Numbers
    place: Numbers


def ordinary_events(shop: Shop, clock: Clock, *, seed: int, index: int, first: int, count: int) -> Columns:
    """Return the ``count`` ordinary rows of file ``index`` in arrival order, starting at the clock's ordinal ``first``.

    Depends on nothing but its arguments. Every session lies within the file; event times ascend but for a jitter of
    less than a minute, and stay before the moment of ordinal ``first + count``.
    """
    if count == 0:
        return {field: [] for field in V3_FIELDS}
    rng = np.random.default_rng([seed, 1, index])
    sessions = _sessions(shop, rng, count)
    owner, step = _rows(sessions, count)
    moments = clock.at(first + _ordinals(rng, owner, count))
    order = np.argsort(moments / 1_000 + _jitter(rng, count), kind="stable")
    columns = _columns(shop, rng, sessions, owner[order], step[order])
    columns["event_id"] = event_ids(seed, index, count)
    columns["event_time"] = _timestamps(moments[order])
    return columns


def event_ids(seed: int, index: int, count: int) -> list[str]:
    """Return ``count`` ids shaped like UUIDs. A bijection of (index, row), so no two of one seed are ever equal."""
    run = int(_mixed(np.asarray([seed + 1], dtype=np.uint64))[0])
    counter = (np.uint64(index) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
    digits = _mixed(counter ^ np.uint64(run)).astype(">u8").tobytes().hex()
    tail = f"-{run >> 48:04x}-{run & 0xFFFFFFFFFFFF:012x}"
    starts = range(0, 16 * count, 16)
    return [f"{digits[n : n + 8]}-{digits[n + 8 : n + 12]}-{digits[n + 12 : n + 16]}{tail}" for n in starts]


def _mixed(numbers: Words) -> Words:
    """Scramble 64 bits without ever mapping two numbers to one: SplitMix64's finaliser."""
    mixed = numbers.copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def _sessions(shop: Shop, rng: np.random.Generator, count: int) -> Sessions:
    """Draw ``count`` sessions, which is always enough: each has at least one step."""
    user = draw(rng, shop.user_odds, count)
    anonymous = rng.random(count) < ANONYMOUS_SHARE
    visitor = np.where(anonymous, 0, shop.user_segment[user] + 1)
    elsewhere = draw(rng, shop.place_odds, count)
    return Sessions(
        user=np.where(anonymous, -1, user),
        path=(rng.random(count)[:, None] >= PATH_ODDS[visitor]).sum(axis=1),
        items=draw(rng, shop.product_odds, (count, ITEMS_PER_SESSION)),
        quantity=np.minimum(rng.geometric(0.7, (count, ITEMS_PER_SESSION)), 5),
        discount=rng.integers(0, len(s.DISCOUNTS), count),
        place=np.where(anonymous, elsewhere, shop.user_place[user]),
    )


def _rows(sessions: Sessions, count: int) -> tuple[Numbers, Numbers]:
    """Return the session and the step within it of each of the first ``count`` rows; the last session may be cut short."""
    lengths = PATH_LENGTHS[sessions.path]
    owner = np.repeat(np.arange(len(lengths)), lengths)[:count]
    begins = np.cumsum(lengths) - lengths
    return owner, np.arange(count) - begins[owner]


def _ordinals(rng: np.random.Generator, owner: Numbers, count: int) -> s.Weights:
    """Return the places of the rows on the clock, in [0, count): sessions overlap, the steps of each stay in order."""
    gaps = np.cumsum(rng.exponential(min(20.0, count / 8), count))
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    wanted = (rng.random(len(begins)) * count)[owner] + gaps - gaps[begins][owner]
    places = np.empty(count)
    places[np.argsort(wanted, kind="stable")] = np.arange(count)
    return places + rng.random(count)


def _jitter(rng: np.random.Generator, count: int) -> s.Weights:
    """Return the seconds from an event to its writing: mostly up to two, for one in twenty up to three quarters of a minute."""
    slow = rng.random(count) < 0.05
    return np.where(slow, rng.random(count) * LONGEST_JITTER_SECONDS, rng.random(count) * 2)


def _timestamps(moments: Numbers) -> list[str]:
    written: list[str] = np.datetime_as_string(moments.astype("datetime64[ms]"), timezone="UTC").tolist()
    return written


def _columns(shop: Shop, rng: np.random.Generator, sessions: Sessions, owner: Numbers, step: Numbers) -> Columns:
    path = sessions.path[owner]
    kind, item = PATH_KINDS[path, step], PATH_ITEMS[path, step]
    product, is_search = sessions.items[owner, item], PATH_KINDS[path, step] == SEARCH
    quantity = np.where(COUNTED[kind], sessions.quantity[owner, item], 0)
    return {
        "user_id": _replaced(shop.user_ids[sessions.user], sessions.user < 0, "0")[owner].tolist(),
        "event_type": texts(EVENT_TYPES)[kind].tolist(),
        "product_id": _replaced(shop.product_ids[product], is_search, "").tolist(),
        "price": _replaced(shop.prices[product, sessions.discount[owner]], is_search, "").tolist(),
        "category": texts([category.name for category in CATEGORIES])[shop.product_category[product]].tolist(),
        "quantity": texts([str(n) for n in range(6)])[quantity].tolist(),
        **_session_columns(shop, rng, sessions, owner),
    }


def _session_columns(shop: Shop, rng: np.random.Generator, sessions: Sessions, owner: Numbers) -> Columns:
    """Return the fields that are the same in all rows of a session."""
    count = len(sessions.user)
    names = rng.integers(0, 1 << 48, count).astype(">u8").tobytes().hex()
    segment = _replaced(texts(SEGMENTS)[shop.user_segment[sessions.user]], sessions.user < 0, "unknown")
    fields = {
        "session_id": texts([f"s-{names[n + 4 : n + 16]}" for n in range(0, 16 * count, 16)]),
        "user_segment": segment,
        "device_type": texts(s.DEVICES)[draw(rng, shop.device_odds, count)],
        "browser": texts(s.BROWSERS)[draw(rng, shop.browser_odds, count)],
        "geo_country": texts([country for country, *_ in PLACES])[sessions.place],
        "geo_city": texts([city for _, city, _ in PLACES])[sessions.place],
        "referrer": texts(s.REFERRERS)[draw(rng, shop.referrer_odds, count)],
        "campaign_id": texts(s.CAMPAIGNS)[draw(rng, shop.campaign_odds, count)],
    }
    return {name: values[owner].tolist() for name, values in fields.items()}


def _replaced(values: Texts, where: NDArray[np.bool_], text: str) -> Texts:
    made = values.copy()
    made[where] = text
    return made
