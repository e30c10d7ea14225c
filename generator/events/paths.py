"""The paths that visitors take through the shop: their steps, and the odds of each path by sort of visitor."""

from __future__ import annotations

import numpy as np

from generator.events.shop import Numbers, Weights, odds

EVENT_TYPES = ("view", "search", "add_to_cart", "remove_from_cart", "wishlist", "purchase")
COUNTED_TYPES = ("add_to_cart", "remove_from_cart", "purchase")

# A path is its steps in order: a letter for the event type and the number of the item it is about.
STEPS = {"V": "view", "S": "search", "A": "add_to_cart", "R": "remove_from_cart", "W": "wishlist", "P": "purchase"}
BROWSING = {"V0": 5, "S0": 2, "S0 V0": 6, "S0 V0 V1": 5, "V0 V1 V2": 3, "V0 S1 V1": 2}
SAVING = {"V0 W0": 2, "S0 V0 W0 V1": 2, "V0 A0": 3, "S0 V0 A0 R0": 1, "V0 V1 A1 R1 V2": 1}
BUYING = {"V0 A0 P0": 4, "S0 V0 A0 P0": 4, "V0 V1 A1 V2 A2 P1 P2": 2, "S0 V0 A0 R0 V1 A1 P1": 1, "V0 W0 A0 P0": 1}
PATHS = (*BROWSING, *SAVING, *BUYING)
# The shares of browsing, saving and buying paths by sort of visitor, in the order of SEGMENTS behind the anonymous.
PATH_SHARES = {
    "anonymous": (1.0, 0.0, 0.0),
    "new": (0.62, 0.20, 0.18),
    "returning": (0.48, 0.22, 0.30),
    "premium": (0.34, 0.22, 0.44),
    "inactive": (0.80, 0.15, 0.05),
    "at-risk": (0.72, 0.20, 0.08),
    "unknown": (0.60, 0.20, 0.20),
}


def _path_tables() -> tuple[Numbers, Numbers, Numbers]:
    """Return the kinds of the steps, their items, both one row for each path, and the paths' lengths."""
    longest = max(len(path.split()) for path in PATHS)
    kinds, items = np.zeros((2, len(PATHS), longest), dtype=np.int64)
    for row, path in enumerate(PATHS):
        for column, move in enumerate(path.split()):
            kinds[row, column] = EVENT_TYPES.index(STEPS[move[0]])
            items[row, column] = int(move[1])
    return kinds, items, np.asarray([len(path.split()) for path in PATHS], dtype=np.int64)


def _path_odds() -> Weights:
    """Return the cumulative odds of the paths, one row for each sort of visitor."""
    rows = []
    for shares in PATH_SHARES.values():
        sorts = zip(shares, (BROWSING, SAVING, BUYING), strict=True)
        rows.append(odds([share * weight / sum(sort.values()) for share, sort in sorts for weight in sort.values()]))
    return np.asarray(rows)


PATH_KINDS, PATH_ITEMS, PATH_LENGTHS = _path_tables()
PATH_ODDS = _path_odds()
COUNTED = np.isin(np.asarray(EVENT_TYPES), COUNTED_TYPES)
SEARCH = EVENT_TYPES.index("search")
