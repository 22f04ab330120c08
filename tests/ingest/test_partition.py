"""Putting an item into parts loses nothing and leaves nothing personal in the clear."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.ingest.catalogue import DECLARED, EVENTS, LINE, NOTHING, Kind
from cdp.ingest.partition import fits, partition
from cdp.log.sealing import decode_salted, encode_salted
from cdp.log.touchpoint import merge

SALT = b"0" * 16
KEYS = st.sampled_from(
    ["email", "total", "products", "order_id", "url", "note", "traits", "name", "price", "quantity", "city", "context"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.text(max_size=8)
    | st.sampled_from(["12.50", "a@b.example", "x" * 300])
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
OBJECTS = st.dictionaries(KEYS, TREES, max_size=6)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("track"),
        "event": st.sampled_from(["Order Completed", "Something Else"]),
        "userId": st.text(max_size=5) | st.integers(),
        "anonymousId": st.none() | st.text(max_size=5),
        "properties": st.none()
        | st.dictionaries(KEYS, TREES, max_size=8)
        | st.fixed_dictionaries({"products": st.lists(TREES, max_size=4)}),
        "traits": st.none() | OBJECTS,
        "context": st.none() | OBJECTS,
        "integrations": st.none() | OBJECTS,
        "odd": TREES,
    },
)


@given(ITEMS, st.sampled_from(sorted(EVENTS)))
def test_laid_over_each_other_the_parts_give_the_item_back(item: dict[str, Any], name: str) -> None:
    parts = partition(item, DECLARED[name])
    merged: Any = parts.business
    for tree in parts.personal.values():
        merged = merge(merged, tree)
    assert merged == item


@given(TREES.map(lambda tree: {"tree": tree}))
def test_a_stored_tree_reads_back_exactly(tree: dict[str, Any]) -> None:
    assert decode_salted(encode_salted(tree, SALT)) == tree


def test_declared_facts_are_business_and_the_rest_is_personal() -> None:
    item = {
        "type": "track",
        "event": "Order Completed",
        "userId": "42",
        "properties": {
            "order_id": "A-1",
            "total": Decimal("99.90"),
            "currency": "TRY",
            "note": "kapıya bırak",
            "url": "https://shop.example/thanks?mail=a@b.example",
            "products": [
                {"product_id": "p1", "price": "10.00", "quantity": 2},
                {"product_id": "p2", "engraving": "Ayşe'ye"},
            ],
        },
        "context": {"ip": "10.0.0.1", "traits": {"email": "a@b.example", "plan": "gold"}, "externalIds": []},
    }
    parts = partition(item, DECLARED["Order Completed"])
    assert parts.business == {
        "properties": {
            "total": Decimal("99.90"),
            "currency": "TRY",
            "products": [{"product_id": "p1", "price": "10.00", "quantity": 2}, {"product_id": "p2"}],
        }
    }
    assert parts.references == {"order_id": "A-1"}
    assert parts.personal["contact"] == {
        "userId": "42",
        "context": {"traits": {"email": "a@b.example"}, "externalIds": []},
    }
    assert parts.personal["content"] == {
        "type": "track",
        "event": "Order Completed",
        "properties": {"order_id": "A-1", "note": "kapıya bırak", "products": [None, {"engraving": "Ayşe'ye"}]},
        "context": {"traits": {"plan": "gold"}},
    }
    assert parts.personal["technical"] == {
        "properties": {"url": "https://shop.example/thanks?mail=a@b.example"},
        "context": {"ip": "10.0.0.1"},
    }


def test_an_event_that_nothing_declares_has_no_business_part() -> None:
    parts = partition(
        {"type": "track", "event": "My Own", "properties": {"total": 5, "products": [{"price": 1}]}}, NOTHING
    )
    assert parts.business == {}
    assert parts.personal["content"]["properties"] == {"total": 5, "products": [{"price": 1}]}


@pytest.mark.parametrize(
    ("kind", "value", "clear"),
    [
        (Kind.AMOUNT, Decimal("12.5"), True),
        (Kind.AMOUNT, "12.50", True),
        (Kind.AMOUNT, "1.299,90 TL", False),
        (Kind.AMOUNT, Decimal("1E+400"), False),
        (Kind.AMOUNT, 10**30, False),
        (Kind.AMOUNT, True, False),
        (Kind.AMOUNT, None, False),
        (Kind.LABEL, "Kahve", True),
        (Kind.LABEL, 42, True),
        (Kind.LABEL, "ayse@example.com", False),
        (Kind.LABEL, "x" * 201, False),
        (Kind.LABEL, {"nested": 1}, False),
        (Kind.COUNT, 3, True),
        (Kind.COUNT, [3], False),
    ],
)
def test_only_values_of_the_declared_kind_stay_in_the_clear(kind: Kind, value: Any, clear: bool) -> None:
    assert fits(kind, value) is clear


def test_no_event_declares_a_persons_field() -> None:
    persons = {"email", "phone", "firstName", "lastName", "address", "ip", "url", "userId"}
    for properties in (*EVENTS.values(), LINE):
        assert not persons & properties.keys()
