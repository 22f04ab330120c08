"""Pairs of items in the same orders, against counting them one by one."""

from __future__ import annotations

from array import array
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from projections.sales.views.baskets import Baskets

ITEMS = st.sampled_from(["tea", "milk", "bread", "jam", None])
orders = st.lists(st.lists(ITEMS, min_size=1, max_size=6), max_size=12)


def baskets_of(drawn: list[list[str | None]]) -> Baskets:
    """The lines of these orders, each known by its place."""
    baskets = Baskets()
    for number, items in enumerate(drawn):
        for item in items:
            baskets.lines.setdefault(item, array("q")).append(number)
    return baskets


def holding(drawn: list[list[str | None]], *items: str) -> int:
    """How many orders have all of these items."""
    return sum(all(item in order for item in items) for order in drawn)


@given(orders, st.integers(1, 3))
def test_pairs_are_those_that_stand_together_often_enough(drawn: list[list[str | None]], least: int) -> None:
    baskets = baskets_of(drawn)
    names = sorted({item for order in drawn for item in order if item is not None})
    expected = {
        frozenset(pair): (holding(drawn, *pair), frozenset((item, holding(drawn, item)) for item in pair))
        for pair in combinations(names, 2)
        if holding(drawn, *pair) >= least
    }
    pairs = list(baskets.of_all(least))
    found = {
        frozenset((pair.item, pair.companion)): (
            pair.together,
            frozenset({(pair.item, pair.item_orders), (pair.companion, pair.companion_orders)}),
        )
        for pair in pairs
    }
    assert found == expected
    assert len(pairs) == len(expected)
    assert baskets.orders == len(drawn)


@given(orders, st.integers(1, 3))
def test_with_one_item_are_its_own_pairs(drawn: list[list[str | None]], least: int) -> None:
    found = {pair.companion: pair[2:] for pair in baskets_of(drawn).with_one("tea", least)}
    assert found == {
        other: (holding(drawn, "tea", other), holding(drawn, "tea"), holding(drawn, other))
        for other in ("milk", "bread", "jam")
        if holding(drawn, "tea", other) >= least
    }
