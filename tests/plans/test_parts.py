"""Parts by a plan: nothing is lost with any plan, and each leaf goes where the plan says."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdp.ingest.catalogue import NOTHING, Declared
from cdp.ingest.partition import partition
from cdp.log.touchpoint import merge
from cdp.plans.document import PlanDocument
from cdp.plans.judging import declared
from tests.ingest.test_partition import ITEMS, KEYS

NAMES = ["Order Completed", "Page Viewed", "Own Event"]
PROPERTIES = st.sampled_from(["total", "note", "order_id", "quantity", "products", "context", "price", "url"])
LINES = st.sampled_from(["products[].price", "products[].note", "products[].quantity", "products[].email"])
TRAITS = st.sampled_from(["traits.email", "traits.city", "traits.note"])
CLASSES = st.sampled_from(["contact", "content", "technical", "health"])
KINDS = st.sampled_from(["amount", "count", "label"])
BUSINESS = st.dictionaries(
    st.sampled_from(["total", "note", "order_id", "products[].note", "products[].price", "quantity"]), KINDS, max_size=4
)


def event(business: dict[str, str], classes: dict[str, str], rest: str | None) -> dict[str, Any]:
    chosen = {path: name for path, name in classes.items() if path not in business}
    return {"business": business, "classes": chosen} | ({"class": rest} if rest else {})


EVENT_PLANS = st.builds(
    event, BUSINESS, st.dictionaries(PROPERTIES | LINES | TRAITS, CLASSES, max_size=5), st.none() | CLASSES
)


def parted(item: dict[str, Any], said: dict[str, Any], name: str = "Own Event") -> Any:
    return partition(item, of(said, name))


def of(said: dict[str, Any], name: str = "Own Event") -> Declared:
    return declared(name, PlanDocument.of({"events": {name: said}}).events[name])


@given(ITEMS, EVENT_PLANS, st.sampled_from(NAMES))
def test_with_any_plan_the_parts_give_the_item_back(item: dict[str, Any], said: dict[str, Any], name: str) -> None:
    parts = parted(item, said, name)
    merged: Any = parts.business
    for tree in parts.personal.values():
        merged = merge(merged, tree)
    assert merged == item


@given(ITEMS, EVENT_PLANS, st.sampled_from(NAMES))
def test_each_leaf_is_in_one_part_whatever_their_order(item: dict[str, Any], said: dict[str, Any], name: str) -> None:
    parts = parted(item, said, name)
    backwards: Any = {}
    for tree in reversed([parts.business, *parts.personal.values()]):
        backwards = merge(backwards, tree)
    assert backwards == item


@given(st.dictionaries(KEYS, st.integers(0, 9)))
def test_an_empty_plan_of_an_own_event_declares_nothing(properties: dict[str, Any]) -> None:
    item = {"type": "track", "properties": properties}
    assert parted(item, {}) == partition(item, NOTHING)


def test_a_plan_extends_and_narrows_what_the_catalogue_declares() -> None:
    item = {
        "event": "Order Completed",
        "properties": {
            "total": 12,
            "coupon": "SPRING",
            "gift_wrap": "red",
            "ticket": "T-1",
            "products": [{"sku": "a", "size": "M", "name": "Diabetes kit"}, {"sku": "b"}],
        },
        "traits": {"blood_type": "0+", "city": "Bursa"},
    }
    parts = parted(
        item,
        {
            "business": {"gift_wrap": "label", "ticket": "reference", "products[].size": "label"},
            "classes": {"coupon": "marketing", "products[].name": "health", "traits.blood_type": "health"},
        },
        "Order Completed",
    )
    assert parts.business == {
        "properties": {"total": 12, "gift_wrap": "red", "products": [{"sku": "a", "size": "M"}, {"sku": "b"}]}
    }
    assert parts.references == {"ticket": "T-1"}
    assert parts.personal["marketing"] == {"properties": {"coupon": "SPRING"}}
    assert parts.personal["health"] == {
        "properties": {"products": [{"name": "Diabetes kit"}, None]},
        "traits": {"blood_type": "0+"},
    }
    assert parts.personal["contact"] == {"traits": {"city": "Bursa"}}
    assert parts.personal["content"] == {"event": "Order Completed", "properties": {"ticket": "T-1"}}


def test_an_event_may_have_a_class_of_its_own() -> None:
    item = {"properties": {"fee": 5, "diagnosis": "J45", "url": "https://clinic.example/?q=J45"}, "userId": "7"}
    parts = parted(item, {"class": "health", "business": {"fee": "amount"}})
    assert parts.business == {"properties": {"fee": 5}}
    assert parts.personal == {
        "contact": {"userId": "7"},
        "health": {"properties": {"diagnosis": "J45", "url": "https://clinic.example/?q=J45"}},
    }


def test_a_value_that_does_not_fit_its_kind_stays_personal() -> None:
    parts = parted({"properties": {"fee": "bir@iki.example"}}, {"class": "health", "business": {"fee": "label"}})
    assert parts.business == {}
    assert parts.personal["health"] == {"properties": {"fee": "bir@iki.example"}}
