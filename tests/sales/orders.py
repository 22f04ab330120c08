"""Touchpoints about orders, drawn at random: placed, updated, cancelled, refunded, returned, late and repeated."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

from tests.projections.world import World

KINDS = (
    *("Order Completed", "Order Completed", "Order Completed", "Order Updated", "Order Cancelled"),
    *("Order Refunded", "Order Refunded", "Order Returned", "Order Paid", "Order Delivered", "User Identified"),
)

people = st.dictionaries(
    st.sampled_from(["user_id", "email", "loyalty_card", "anonymous_id"]), st.sampled_from(["1", "2", "3"]), max_size=2
)
lines = st.lists(
    st.fixed_dictionaries(
        {"product_id": st.sampled_from(["tea", "cup", "jam", None])},
        optional={
            "quantity": st.sampled_from([0, 1, 2, "3", -1]),
            "price": st.sampled_from(["1.10", "20", "0"]),
            "total": st.sampled_from(["5.55", "-2.00", "n/a"]),
            "category": st.sampled_from(["drinks", "kitchen"]),
            "brand": st.sampled_from(["own", "other"]),
            "department": st.sampled_from(["food", "home"]),
        },
    ),
    max_size=3,
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "total": st.sampled_from(["10.00", "10.00", "25.5", "7", "-10.00", "n/a"]),
        "refund": st.sampled_from(["10.00", "3.25"]),
        "currency": st.sampled_from(["TRY", "TRY", "EUR"]),
        "products": lines,
        "store": st.sampled_from(["north", "south"]),
        "reason": st.sampled_from(["broken", "late"]),
        "discount": st.just("1.00"),
        "promised_at": st.sampled_from(["2024-03-02", "2024-03-02T15:00:00Z"]),
    },
)
references = st.fixed_dictionaries(
    {}, optional={"order_id": st.sampled_from(["o1", "o1", "o2"]), "refund_id": st.sampled_from(["r1", "r2"])}
)
touchpoints = st.tuples(
    people,
    st.sampled_from(KINDS),
    st.integers(0, 60),
    st.sampled_from([0, 0, 5, -2]),
    properties,
    references,
    st.sampled_from(["web", "store"]),
)
worlds = st.lists(touchpoints, min_size=1, max_size=16)

Drawn = list[tuple[dict[str, str], str, int, int, dict[str, Any], dict[str, str], str]]


def world_of(drawn: Drawn) -> World:
    """A log of the touchpoints drawn, under an incarnation of its own."""
    world = World(incarnation=uuid4())
    for who, name, at, late, has, refers, channel in drawn:
        world.see(who, name, at=at, late=late, properties=has, references=refers, channel=channel, source=channel)
    return world
