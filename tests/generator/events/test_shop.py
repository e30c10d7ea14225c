"""The shop that events come from is drawn from the seed alone."""

from __future__ import annotations

from generator.events import shop as s


def test_the_shop_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    s.open_shop.cache_clear()
    one = s.open_shop(5)
    s.open_shop.cache_clear()
    assert (one.prices == s.open_shop(5).prices).all()
    assert (one.prices != s.open_shop(6).prices).any()
