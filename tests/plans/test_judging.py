"""Verdicts on items: those of the reference validator, and details that quote nobody."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.plans.document import PlanDocument
from cdp.plans.judging import Plan, in_force
from cdp.sources.connector import Call
from cdp.sources.rejection import Reason, Rejected, Stage

DECODE: Any = msgspec.json.Decoder(float_hook=Decimal).decode
ENCODE = msgspec.json.Encoder(decimal_format="number").encode

KEYS = st.sampled_from(["a", "b", "total", "products"])
NUMBERS = st.integers(-20, 20) | st.sampled_from([0.25, 0.5, -1.75, 12.5])
TEXTS = st.sampled_from(["", "a", "ab", "12.50", "İstanbul"])
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "minimum": NUMBERS,
        "exclusiveMaximum": NUMBERS,
        "multipleOf": st.sampled_from([0.25, 0.5, 2]),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 6),
        "pattern": st.sampled_from(["^a", "b$", "^[0-9.]+$"]),
        "enum": st.lists(LEAVES, min_size=1, max_size=4, unique_by=repr),
        "const": LEAVES,
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "required": st.lists(KEYS, unique=True, max_size=2),
        "minProperties": st.integers(0, 2),
    },
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "required": st.lists(KEYS, unique=True, max_size=2),
            "properties": st.dictionaries(KEYS, inner, max_size=4),
            "additionalProperties": inner | st.booleans(),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
            "propertyNames": PLAIN,
            "dependentRequired": st.dictionaries(KEYS, st.lists(KEYS, unique=True, max_size=2), max_size=2),
            "not": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "if": inner,
            "then": inner,
            "else": inner,
            "unevaluatedProperties": st.booleans(),
        },
    )


JSON_SCHEMAS = st.recursive(PLAIN, nested, max_leaves=8)


def plan(events: dict[str, Any], mode: str = "warn") -> Plan:
    document = PlanDocument.of({"mode": mode, "events": events})
    return in_force(3, mode, document.content())


def call(name: str = "X", type_: str = "track", **tree: Any) -> Call:
    return Call(type_, name, None, None, None, [], DECODE(ENCODE(tree)))


def flags(judge: Plan, said: Call) -> list[str]:
    found: list[str] = []
    judge.judge(said, found)
    return found


@given(JSON_SCHEMAS, OBJECTS)
def test_a_verdict_is_that_of_the_reference_validator(schema: dict[str, Any], item: dict[str, Any]) -> None:
    expected = jsonschema.Draft202012Validator(schema).is_valid(json.loads(json.dumps(item)))
    found = flags(plan({"X": {"schema": schema}}), call(properties=item))
    assert found == ([] if expected else ["plan:invalid"])


@given(JSON_SCHEMAS, OBJECTS)
def test_block_refuses_what_warn_flags_and_quotes_nothing_of_the_item(
    schema: dict[str, Any], item: dict[str, Any]
) -> None:
    secret = {**item, "a": "SECRET-1", "SECRET-2": ["SECRET-3"]}
    events = {"X": {"schema": schema}}
    flagged = flags(plan(events), call(properties=secret))
    try:
        plan(events, "block").judge(call(properties=secret), [])
    except Rejected as rejected:
        assert flagged == ["plan:invalid"]
        assert (rejected.reason, rejected.stage, rejected.plan) == (Reason.PLAN_VIOLATION, Stage.PLAN, 3)
        assert "SECRET" not in rejected.detail
    else:
        assert flagged == []


@pytest.mark.parametrize(
    ("schema", "text", "valid"),
    [
        ({"multipleOf": 0.01}, "19.99", True),
        ({"multipleOf": 0.01}, "19.995", False),
        ({"type": "integer"}, "1.0", True),
        ({"maximum": 10}, "10.0000000000000000000000001", False),
        ({"maximum": 10**30}, "1000000000000000000000000000001", False),
        ({"type": "number"}, "1e999999999", True),
        ({"type": "integer"}, "1e-999999999", False),
        ({"minimum": 0}, "-0.0", True),
    ],
)
def test_numbers_are_judged_exactly_as_sent(schema: dict[str, Any], text: str, valid: bool) -> None:
    said = Call("track", "X", None, None, None, [], DECODE(b'{"properties":{"v":%s}}' % text.encode()))
    assert flags(plan({"X": {"schema": {"properties": {"v": schema}}}}), said) == ([] if valid else ["plan:invalid"])


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, "properties.total is missing"),
        ({"total": "SECRET"}, 'properties.total is not as planned; expected type "number"'),
        ({"total": 1, "store": "SECRET"}, 'properties.store is not as planned; expected enum ["IST","ANK"]'),
        ({"total": 1, "SECRET": {"SECRET": 1}}, "properties has a property that is not planned"),
        ({"total": 1, "lines": [{"n": 1}, {"n": -5}]}, "properties.lines[1].n is not as planned; expected minimum 0"),
        ({"total": 1, "extra": {"SECRET": "SECRET"}}, "properties.extra.* is not as planned; expected type"),
    ],
)
def test_a_detail_names_path_and_expectation_and_no_value(properties: dict[str, Any], expected: str) -> None:
    schema = {
        "required": ["total"],
        "additionalProperties": False,
        "properties": {
            "total": {"type": "number"},
            "store": {"enum": ["IST", "ANK"]},
            "lines": {"items": {"$ref": "#/$defs/line"}},
            "extra": {"additionalProperties": {"type": "integer"}},
        },
        "$defs": {"line": {"properties": {"n": {"minimum": 0}}}},
    }
    with pytest.raises(Rejected) as rejected:
        plan({"X": {"schema": schema}}, "block").judge(call(properties=properties), [])
    assert expected in rejected.value.detail
    assert "version 3" in rejected.value.detail
    assert "SECRET" not in rejected.value.detail


def test_an_unplanned_event_is_flagged_or_refused_without_its_name() -> None:
    events: dict[str, Any] = {"X": {}}
    assert flags(plan(events), call("SECRET")) == ["plan:unplanned"]
    with pytest.raises(Rejected, match="expected one of X: ") as rejected:
        plan(events, "block").judge(call("SECRET"), [])
    assert rejected.value.reason is Reason.UNPLANNED_EVENT
    assert "SECRET" not in rejected.value.detail


@pytest.mark.parametrize("type_", ["identify", "page", "screen", "group", "alias"])
def test_calls_without_a_name_of_their_own_are_judged_only_where_planned(type_: str) -> None:
    judge = plan({"Page Viewed": {"schema": {"required": ["title"]}}}, "block")
    assert flags(judge, call("User Identified", type_)) == []
    with pytest.raises(Rejected):
        judge.judge(call("Page Viewed", type_), [])


def test_traits_and_context_have_schemas_of_their_own() -> None:
    required = {"type": "object", "required": ["a"]}
    judge = plan({"X": {"traits": required, "context": required}})
    assert flags(judge, call(traits={"a": 1}, context={"a": 1})) == []
    assert flags(judge, call(traits={"a": 1}, context={})) == ["plan:invalid"]
    assert flags(judge, call(traits=None, context={"a": 1})) == ["plan:invalid"]


def test_off_judges_nothing() -> None:
    judge = plan({"X": {"schema": {"required": ["a"]}}}, "off")
    found: list[str] = []
    assert judge.judge(call(), found) is None
    assert judge.judge(call("Y"), found) is None
    assert found == []
    assert plan({"X": {}}).judge(call(), found) == 3


def test_a_schema_is_compiled_once() -> None:
    events = {"X": {"schema": {"required": ["once"]}}}
    one, two = plan(events), plan(events, "block")
    assert flags(one, call(properties={"once": 1})) == flags(two, call(properties={"once": 1})) == []
    assert one._checks is two._checks
    assert list(one._checks) == ["X"]
