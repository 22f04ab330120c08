"""Splitting: an item that is wrong in itself does not spoil its neighbours."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.ingest.item import decode_item
from cdp.ingest.split import Split, _patient_batch, split, split_batch
from cdp.sources.rejection import Reason, Rejected

GOOD = {"type": "track", "event": "x", "userId": "1"}


def rejected(body: bytes, max_items: int = 100) -> Reason:
    found = split(body, False, max_items)
    assert isinstance(found, Rejected)
    return found.reason


def test_a_batch_is_cut_into_the_bytes_of_its_items() -> None:
    body = b'{"sentAt":"2026-01-01T00:00:00Z","context":{"ip":"1.1.1.1"},"batch":[{"a": 1} , {"b":2}]}'
    assert split_batch(body, 10) == Split(
        [b'{"a": 1}', b'{"b":2}'], {"context": {"ip": "1.1.1.1"}}, "2026-01-01T00:00:00Z", 26
    )


@pytest.mark.parametrize("bad", [b'{"event":"\\ud800"}', b'{"event":"\xff"}', b'{"total":NaN}'])
def test_one_bad_item_is_cut_out_like_the_good_ones(bad: bytes) -> None:
    good = json.dumps(GOOD).encode()
    found = split_batch(b'{"batch":[' + good + b" , " + bad + b"," + good + b'],"context":{"k":1}}', 10)
    assert found.items == [good, bad, good]
    assert found.defaults == {"context": {"k": 1}}
    with pytest.raises(Rejected):
        decode_item(bad, 1000)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.MALFORMED_JSON),
        (b"{", Reason.MALFORMED_JSON),
        (b'{"batch":[{"a":1},{]}', Reason.MALFORMED_JSON),
        (b'{"batch":[{"a":1}]} and more', Reason.MALFORMED_JSON),
        (b'{"batch":[1,]}', Reason.MALFORMED_JSON),
        (b"\x00\x01", Reason.MALFORMED_JSON),
        (b"[]", Reason.MALFORMED_JSON),
        (b"{}", Reason.NOT_AN_OBJECT),
        (b'{"batch":{"a":1}}', Reason.NOT_AN_OBJECT),
        (b'{"batch":"x"}', Reason.NOT_AN_OBJECT),
        (b'{"batch":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", Reason.MALFORMED_JSON),
        (b'{"batch":[' + b"{}," * 100 + b"{}]}", Reason.TOO_MANY_ITEMS),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(body: bytes, reason: Reason) -> None:
    assert rejected(body) is reason


@pytest.mark.parametrize("context", ["null", "[]", '"x"', "5"])
def test_a_context_that_is_no_object_says_nothing_for_the_items(context: str) -> None:
    found = split_batch(f'{{"batch":[{{}}],"context":{context}}}'.encode(), 10)
    assert (found.items, found.defaults) == ([b"{}"], {})


TREES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(TREES, max_size=6), st.dictionaries(st.text(max_size=5), TREES, max_size=3), st.sampled_from([None, 1]))
def test_the_patient_way_finds_what_the_quick_way_finds(
    batch: list[Any], others: dict[str, Any], indent: int | None
) -> None:
    body = json.dumps({**others, "batch": batch}, indent=indent, ensure_ascii=bool(indent)).encode()
    quick, patient = split_batch(body, 100), _patient_batch(body, 100)
    assert [json.loads(item) for item in patient.items] == [json.loads(item) for item in quick.items] == batch
    assert patient[1:] == quick[1:]


@given(st.binary(max_size=60))
def test_no_bytes_break_the_splitter(noise: bytes) -> None:
    for body in (noise, b'{"batch":[' + noise + b"]}", b'{"batch":[{"a":"' + noise + b'"}]}'):
        assert isinstance(split(body, False, 10), Split | Rejected)


@pytest.mark.parametrize(
    ("common", "reason"),
    [
        (b'{"a":"\\u0000"}', Reason.INVALID_TEXT),
        (b'{"a":"\\ud800"}', Reason.INVALID_TEXT),
        (b'{"a":1e99999999999999999999}', Reason.INVALID_NUMBER),
        (b'{"a":1e999999999}', Reason.INVALID_NUMBER),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", Reason.TOO_DEEP),
    ],
)
def test_what_a_batch_says_for_all_is_held_to_what_every_item_is(common: bytes, reason: Reason) -> None:
    assert rejected(b'{"batch":[{}],"context":' + common + b"}") is reason


def test_what_a_batch_says_for_all_is_not_multiplied_without_bound() -> None:
    common = json.dumps({"note": "x" * 400_000}).encode()
    assert rejected(b'{"context":' + common + b',"batch":[' + b",".join([b"{}"] * 100) + b"]}") is Reason.TOO_LARGE
    found = split_batch(b'{"context":' + common + b',"batch":[{},{}]}', 100)
    assert found.defaults_size > 400_000


@pytest.mark.parametrize("separator", [b",", b" ," + b" " * 50_000])
def test_a_body_of_ever_so_many_items_is_left_early(separator: bytes) -> None:
    many = separator.join([b"1"] * 1_000)
    for body in (b'{"batch":[' + many + b"]}", b'{"batch":[' + many + b",NaN]}"):
        started = process_time()
        assert rejected(body, max_items=10) is Reason.TOO_MANY_ITEMS
        assert process_time() - started < 30  # a guard against hanging, not a measure


def test_a_number_beside_a_bad_item_keeps_its_digits() -> None:
    body = b'{"batch":[{"a":' + b"9" * 5_000 + b'},NaN],"context":{"b":0.10}}'
    found = split_batch(body, 10)
    assert found.items[0] == b'{"a":' + b"9" * 5_000 + b"}"
    assert str(found.defaults["context"]["b"]) == "0.10"
