"""The parts of an event and its leaf: fixed vectors, because what is hashed can never change."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.log.parts import leaf_hash, pack, unpack

STREAM = UUID("11111111-2222-3333-4444-555555555555")
WHEN = datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC)


def leaf(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "originator_id": STREAM,
        "topic": "touchpoint.v1",
        "header": b'{"id":"00"}',
        "business": b"\x00" * 16 + b'{"properties":{"total":12.50}}',
        "personal": pack({"contact": b"sealed contact", "content": b"sealed content"}),
    }
    place = {"position": 7, "version": 3, "recorded_at": WHEN}
    given_place = {name: changes.pop(name) for name in list(changes) if name in place}
    return leaf_hash(**{**place, **given_place}, **{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "58c275330777de3978ad07763bff798325582f50ae02a4775729b6372bd25b28"),
        ({"business": None}, "f7c8068c00f45cc2be014affb1a62826e06f88d19d72e32e63c90bb5db9ce352"),
        ({"personal": None}, "c9a0bf1f97df43fbf8273b99f641beb6ee11ca2c3a984838b3ee3099acdbb7b9"),
        (
            {"topic": "source.created.v1", "business": None, "personal": None},
            "e48bca9b9f112859d8430f13df35fbc0d5e88b65bc2b01de2da1cf8e2b55231b",
        ),
    ],
)
def test_the_leaf_of_a_known_event_never_changes(changes: dict[str, Any], expected: str) -> None:
    assert leaf(**changes).hex() == expected


def test_the_leaf_is_what_its_definition_says() -> None:
    header = sha256(STREAM.bytes + b"touchpoint.v1\x00" + b'{"id":"00"}').digest()
    business = sha256(b"\x00" * 16 + b'{"properties":{"total":12.50}}').digest()
    classes = ((b"contact", b"sealed contact"), (b"content", b"sealed content"))
    personal = sha256(b"".join(name + b"\x00" + sha256(blob).digest() for name, blob in classes)).digest()
    microseconds = 1_769_862_615_123_456
    assigned = (7).to_bytes(8, "big") + (3).to_bytes(8, "big") + microseconds.to_bytes(8, "big")
    assert leaf() == sha256(b"\x00" + assigned + header + business + personal).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"position": 8},
        {"version": 4},
        {"recorded_at": WHEN.replace(microsecond=123457)},
        {"originator_id": UUID(int=1)},
        {"topic": "touchpoint.v2"},
        {"header": b'{"id":"01"}'},
        {"business": b"other"},
        {"personal": pack({"contact": b"sealed contact"})},
        {"personal": pack({"contact": b"sealed content", "content": b"sealed contact"})},
    ],
)
def test_any_change_changes_the_leaf(change: dict[str, Any]) -> None:
    assert leaf(**change) != leaf()


def test_a_part_replaced_by_its_digest_leaves_the_leaf_as_it_was() -> None:
    business = b"\x00" * 16 + b'{"properties":{"total":12.50}}'
    assert leaf(business=sha256(business).digest(), redacted=["business"]) == leaf()
    replaced = pack({"contact": sha256(b"sealed contact").digest(), "content": b"sealed content"})
    assert leaf(personal=replaced, redacted=["contact"]) == leaf()
    assert leaf(personal=replaced) != leaf()


@given(st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=20), st.binary(max_size=300), max_size=5))
def test_blobs_come_out_as_they_went_in(blobs: dict[str, bytes]) -> None:
    assert unpack(pack(blobs)) == blobs
