"""Pairs of items in the same orders, against counting them one by one."""

from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.postgres.databases import Databases
from projections.sales.contents import NUMBER, item_number, packed
from projections.sales.views import baskets as reading_baskets
from projections.sales.views import pairs as counting
from projections.sales.views.baskets import Baskets, SharedNumber, read_names
from projections.sales.views.pairs import Items, Pairs

NAMES = ("tea", "milk", "bread", "jam", "rice", "salt")
ITEMS = st.sampled_from([*NAMES, None])
segments = st.dictionaries(
    st.sampled_from(["web", "store", "phone"]),
    st.lists(st.lists(ITEMS, min_size=1, max_size=8), min_size=1, max_size=12),
)
Drawn = dict[str, list[list[str | None]]]


def items_of(drawn: Drawn, least: int) -> Items:
    """The orders of segments; in each the same positions."""
    stored = {
        segment: Baskets.of(b"".join(packed(at, names) for at, names in enumerate(orders, start=1)))
        for segment, orders in drawn.items()
    }
    assert [each.orders for each in stored.values()] == [*map(len, drawn.values())]
    return Items(stored, [least] * len(drawn))


def holding(orders: list[list[str | None]], *items: str) -> int:
    """How many orders have all of these items."""
    return sum(all(item in order for item in items) for order in orders)


def named(items: Items, pairs: Pairs) -> list[tuple[str, dict[str, int], int, int]]:
    """For each pair its segment, the orders of each item, those of both, and all."""
    names = {item_number(name): name for name in NAMES}
    codes = [names[number] for number in items.numbers.tolist()]
    return [
        (items.segments[at], {codes[item]: orders, codes[companion]: others}, together, everything)
        for at, item, companion, together, orders, others, everything in zip(
            *(column.tolist() for column in pairs), strict=True
        )
    ]


def counted(drawn: Drawn, least: int, *having: str) -> list[tuple[str, dict[str, int], int, int]]:
    """The same, one by one."""
    return [
        (segment, {item: holding(orders, item) for item in pair}, holding(orders, *pair), len(orders))
        for segment, orders in drawn.items()
        for pair in combinations(NAMES, 2)
        if holding(orders, *pair) >= least and {*having} <= {*pair}
    ]


@given(segments, st.integers(1, 3))
def test_pairs_are_those_that_stand_together_often_enough(drawn: Drawn, least: int) -> None:
    items = items_of(drawn, least)
    assert sorted(named(items, items.pairs_of_all(100)), key=repr_sorted) == sorted(
        counted(drawn, least), key=repr_sorted
    )


@given(segments, st.integers(1, 3))
def test_with_one_item_are_its_own_pairs(drawn: Drawn, least: int) -> None:
    items = items_of(drawn, least)
    found = named(items, items.pairs_with(item_number("tea")))
    assert sorted(found, key=repr_sorted) == sorted(counted(drawn, least, "tea"), key=repr_sorted)
    assert all(next(iter(pair)) == "tea" for _, pair, *_ in found)


def repr_sorted(found: tuple[str, dict[str, int], int, int]) -> tuple[str, list[str]]:
    """A segment and a pair, whichever of the two is named first."""
    return found[0], sorted(found[1])


@given(segments)
def test_of_all_pairs_those_of_the_items_that_most_orders_have_are_counted(drawn: Drawn) -> None:
    items = items_of(drawn, 1)
    orders = [order for each in drawn.values() for order in each]
    ranked = sorted((-holding(orders, name), item_number(name), name) for name in NAMES)
    assert {name for _, pair, *_ in named(items, items.pairs_of_all(2)) for name in pair} <= {
        name for *_, name in ranked[:2]
    }


@given(segments, st.integers(1, 5))
def test_the_best_pairs_are_all_that_could_be_shown(drawn: Drawn, limit: int) -> None:
    pairs = items_of(drawn, 1).pairs_of_all(100)
    lifts = sorted(
        (together * orders / (one * other) for *_, together, one, other, orders in zip(*map(list, pairs), strict=True)),
        reverse=True,
    )
    best = pairs.best(limit)
    least = lifts[:limit][-1] if lifts else 0
    assert len(best.item) == sum(lift >= least * (1 - 1e-12) for lift in lifts)


@given(st.lists(st.lists(ITEMS, min_size=1, max_size=8), min_size=1, max_size=12), st.randoms())
def test_orders_are_the_same_from_their_lines(orders: list[list[str | None]], chance: Random) -> None:
    lines = [
        (-1 if name is None else item_number(name), at) for at, names in enumerate(orders, start=1) for name in names
    ]
    chance.shuffle(lines)
    of_lines = Baskets.of_lines(*map(np.array, zip(*lines, strict=True)))
    stored = Baskets.of(b"".join(packed(at, names) for at, names in enumerate(orders, start=1)))
    assert contents_of(of_lines) == contents_of(stored)


def contents_of(baskets: Baskets) -> dict[int, list[int]]:
    """The items of each order by its position, in an order of their own."""
    everything = np.ones(len(baskets.values), bool)
    found: dict[int, list[int]] = {position: [] for position in baskets.positions.tolist()}
    assert len(found) == baskets.orders
    for item, place in zip(*baskets.items(everything), strict=True):
        found[int(baskets.positions[place])].append(int(item))
    return {position: sorted(items) for position, items in found.items()}


@given(segments)
def test_an_example_of_an_item_is_an_order_that_has_it(drawn: Drawn) -> None:
    items = items_of(drawn, 1)
    for number, position in zip(items.numbers, items.examples(np.arange(len(items.numbers))), strict=True):
        names = [orders[int(position) - 1] for orders in drawn.values() if len(orders) >= position]
        assert any(number in {item_number(name) for name in each if name is not None} for each in names)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segments, st.integers(1, 20))
def test_pairs_are_the_same_however_many_are_counted_at_once(
    monkeypatch: pytest.MonkeyPatch, drawn: Drawn, at_once: int
) -> None:
    monkeypatch.setattr(counting, "AT_ONCE", at_once)
    items = items_of(drawn, 1)
    assert sorted(named(items, items.pairs_of_all(100)), key=repr_sorted) == sorted(counted(drawn, 1), key=repr_sorted)


def test_what_few_orders_have_is_left_out_even_where_a_slot_is_shared() -> None:
    rare, often = 5, 5 + counting.SLOTS
    values = np.array([-1, often, -2, often, rare, -3, often], np.int64)
    items = Items({"": Baskets(values, values < 0)}, [2])
    assert set(items.numbers.tolist()) >= {often}
    assert len(items.pairs_of_all(10).item) == 0


names = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names)
def test_postgresql_gives_items_the_same_numbers(databases: Databases, name: str) -> None:
    with databases.read.connection() as connection:
        found = connection.execute(f"select {NUMBER.format('%s::text')}".encode(), [name]).fetchone()
    assert found == (item_number(name),)


class Answering:
    """A database in which every order has the same items."""

    def execute(self, *_: object) -> list[tuple[str]]:
        return [("tea",), ("milk",)]


def test_two_items_with_one_number_are_told_rather_than_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    connection: object = Answering()
    assert read_names(connection, "product", [item_number("tea")], [1]) == {item_number("tea"): "tea"}  # type: ignore[arg-type]
    monkeypatch.setattr(reading_baskets, "item_number", lambda name: 7)
    with pytest.raises(SharedNumber, match="'tea' and 'milk' have the same number"):
        read_names(connection, "product", [7], [1])  # type: ignore[arg-type]
