"""Reading an item of the common specification: what is accepted, and why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from time import process_time
from typing import Any

import pytest

from cdp.identity.identifier import GLOBAL, Identifier
from cdp.ingest.reading import Reader, Reading
from cdp.ingest.split import Split
from cdp.sources.connectors.segment import CONNECTOR
from cdp.sources.rejection import Reason, Rejected
from cdp.sources.source import Source

RECEIVED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHOP = Source(
    name="shop",
    channel="web",
    brand=None,
    trust="server",
    namespaces={"loyalty_card": "club"},
    credential_id="wk_1",
    key_digest="",
    actor="test",
)


def read(item: Any, call: str | None = None, raw: bytes | None = None, **defaults: Any) -> Reading:
    data = json.dumps(item).encode() if raw is None else raw
    return Reader("TR", 10_000).read(data, SHOP, CONNECTOR, RECEIVED, call, Split([], defaults, None))


def reason(item: Any, **more: Any) -> Reason:
    with pytest.raises(Rejected) as rejected:
        read(item, **more)
    assert str(rejected.value)
    return rejected.value.reason


def identifiers(reading: Reading, role: str = "self") -> set[Identifier]:
    return {each for found, each in reading.identifiers if found == role}


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": "42", **fields}


def test_every_identifier_gets_the_namespace_of_its_type() -> None:
    context = {
        "traits": {"email": "Ayse.Yilmaz@Example.com", "phone": "0532 123 45 67"},
        "externalIds": [
            {"id": 7, "type": "loyalty_card", "collection": "users"},
            {"id": "acme", "type": "crm_id", "collection": "accounts"},
            {"id": "x"},
            "odd",
        ],
        "device": {"id": "d-1"},
    }
    found = read(track(anonymousId="a-1", context=context))
    assert identifiers(found) == {
        Identifier("user_id", "shop", "42"),
        Identifier("anonymous_id", "shop", "a-1"),
        Identifier("email", GLOBAL, "ayse.yilmaz@example.com"),
        Identifier("phone", GLOBAL, "+905321234567"),
        Identifier("loyalty_card", "club", "7"),
        Identifier("device_id", "shop", "d-1"),
    }
    assert identifiers(found, "account") == {Identifier("crm_id", "shop", "acme")}


def test_a_group_call_names_an_account_and_its_traits_nobody() -> None:
    item = {"type": "group", "userId": "42", "groupId": "acme", "traits": {"email": "info@acme.example"}}
    found = read(item)
    assert identifiers(found) == {Identifier("user_id", "shop", "42")}
    assert identifiers(found, "account") == {Identifier("group_id", "shop", "acme")}


def test_an_alias_names_the_former_id_in_both_senses() -> None:
    found = read({"type": "alias", "previousId": "old", "userId": "new"})
    assert Identifier("anonymous_id", "shop", "old") in identifiers(found)
    assert {each.value for each in identifiers(found)} == {"old", "new"}


def test_an_unusable_identifier_beside_a_good_one_is_flagged() -> None:
    found = read(track(context={"traits": {"email": "not an address", "phone": "0000000000"}}))
    assert identifiers(found) == {Identifier("user_id", "shop", "42")}
    assert found.flags == ("time_missing", "unusable:email", "unusable:phone", "message_id_random")


def test_null_means_absent() -> None:
    found = read(track(anonymousId=None, properties=None, context=None, traits=None, messageId=None))
    assert identifiers(found) == {Identifier("user_id", "shop", "42")}


def test_what_the_batch_says_for_all_yields_to_the_items_own_word() -> None:
    found = read(track(context={"ip": "2.2.2.2"}), context={"ip": "1.1.1.1", "locale": "tr-TR"})
    assert found.personal["technical"] == {"context": {"ip": "2.2.2.2", "locale": "tr-TR"}}


def test_a_missing_message_id_follows_from_content_with_a_time_and_is_random_without() -> None:
    timed = read(track(timestamp="2026-01-01T00:00:00Z"))
    untimed, again = read(track()), read(track())
    assert timed.message_id is None
    assert "message_id_derived" in timed.flags
    assert untimed.message_id != again.message_id
    assert "message_id_random" in untimed.flags


def test_content_is_the_same_whatever_the_order_of_keys_and_the_sending() -> None:
    one = read(None, raw=b'{"type":"track","event":"x","userId":"1","properties":{"a":1,"b":2},"sentAt":"2026-01-01"}')
    two = read(None, raw=b'{"userId":"1","event":"x","type":"track","properties":{"b":2,"a":1},"writeKey":"k"}')
    three = read(None, raw=b'{"userId":"1","event":"x","type":"track","properties":{"b":2,"a":"1"}}')
    assert one.canonical == two.canonical != three.canonical


def test_amounts_stay_exact() -> None:
    found = read(None, raw=b'{"type":"track","event":"Order Completed","userId":"1","properties":{"total":0.10}}')
    assert str(found.business["properties"]["total"]) == "0.10"
    assert isinstance(found.business["properties"]["total"], Decimal)


def test_the_endpoint_says_the_type_of_a_call_that_comes_alone() -> None:
    assert read({"event": "x", "userId": "1"}, call="track").type == "track"
    assert read({"userId": "1", "type": "track"}, call="identify").name == "User Identified"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ([], Reason.NOT_AN_OBJECT),
        ("track", Reason.NOT_AN_OBJECT),
        (track(type="buy"), Reason.UNKNOWN_TYPE),
        (track(type=None), Reason.UNKNOWN_TYPE),
        (track(type={}), Reason.UNKNOWN_TYPE),
        (track(event=None), Reason.MISSING_EVENT),
        (track(event="  "), Reason.MISSING_EVENT),
        (track(event=5), Reason.MISSING_EVENT),
        (track(userId=None), Reason.MISSING_IDENTIFIER),
        (track(userId=""), Reason.MISSING_IDENTIFIER),
        (track(userId="   "), Reason.MISSING_IDENTIFIER),
        (track(userId=None, context={"traits": {"email": "nobody"}}), Reason.MISSING_IDENTIFIER),
        (track(userId=True), Reason.WRONG_TYPE),
        (track(userId=["42"]), Reason.WRONG_TYPE),
        (track(properties=[1]), Reason.WRONG_TYPE),
        (track(context="x"), Reason.WRONG_TYPE),
        (track(messageId="m" * 256), Reason.INVALID_MESSAGE_ID),
        (track(messageId=7), Reason.INVALID_MESSAGE_ID),
        (track(timestamp="2026-01-01T00:00:00"), Reason.TIME_WITHOUT_ZONE),
        (track(timestamp="9999-01-01T00:00:00Z"), Reason.TIME_OUT_OF_RANGE),
        (track(properties={"note": "a\x00b"}), Reason.INVALID_TEXT),
        (track(properties={"a\x00b": "note"}), Reason.INVALID_TEXT),
        (track(properties={"note": "x" * 10_000}), Reason.TOO_LARGE),
    ],
)
def test_what_cannot_be_accepted_has_its_reason(item: Any, expected: Reason) -> None:
    assert reason(item) is expected


def test_nesting_is_bounded() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {"n": deep}
    assert reason(track(properties=deep)) is Reason.TOO_DEEP
    assert reason(None, raw=b"[" * 5_000 + b"]" * 5_000) in (Reason.TOO_DEEP, Reason.NOT_AN_OBJECT)
    wide = track(properties={"list": [{} for _ in range(100)]})
    assert read(wide)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"type":"track","event":"\\ud800","userId":"1"}', Reason.INVALID_TEXT),
        (b'{"type":"track","event":"\\udc00\\ud800","userId":"1"}', Reason.INVALID_TEXT),
        (b'{"type":"track","event":"\xff\xfe","userId":"1"}', Reason.INVALID_TEXT),
        (b'{"type":"track"', Reason.MALFORMED_JSON),
        (b'{"a":NaN}', Reason.MALFORMED_JSON),
    ],
)
def test_bytes_that_are_no_text_have_their_reason(raw: bytes, expected: Reason) -> None:
    assert reason(None, raw=raw) is expected


def test_reasons_never_quote_the_item() -> None:
    for item in (
        track(userId=["secret"]),
        track(timestamp="secret"),
        track(type="secret"),
        track(messageId="secret" * 99),
    ):
        with pytest.raises(Rejected) as rejected:
            read(item)
        assert "secret" not in rejected.value.detail


def test_a_type_that_nobody_declared_stays_out_of_the_clear() -> None:
    external = [{"id": "1", "type": "ayse_yilmaz_905321234567"}, {"id": " ", "type": "ahmet_kaya"}]
    found = read(track(context={"externalIds": external}))
    assert Identifier("(unknown)", "shop", "ayse_yilmaz_905321234567:1") in identifiers(found)
    assert not any("ahmet" in flag for flag in found.flags)


def test_what_the_batch_says_for_all_belongs_to_the_content() -> None:
    item = track(userId=None, timestamp="2026-01-01T00:00:00Z")
    one = read(item, context={"traits": {"email": "a@b.example"}})
    two = read(item, context={"traits": {"email": "b@b.example"}})
    assert one.canonical != two.canonical


def test_the_call_belongs_to_the_content() -> None:
    visit = {"anonymousId": "a", "timestamp": "2026-01-01T00:00:00Z"}
    assert read(visit, call="page").canonical != read(visit, call="screen").canonical


@pytest.mark.parametrize(
    "number", ["1e999999999", "1e99999999999999999999", "1e-999999999", "0." + "1" * 500, "9" * 5000]
)
def test_a_number_that_no_database_holds_is_refused(number: str) -> None:
    raw = b'{"type":"track","event":"x","userId":"1","traits":{"age":%s}}' % number.encode()
    assert reason(None, raw=raw) is Reason.INVALID_NUMBER


def test_large_numbers_and_numbers_in_texts_are_taken() -> None:
    raw = b'{"type":"track","event":"x","userId":"1","properties":{"a":1e300,"b":"1e999999999","c":%s}}' % (b"9" * 300)
    assert read(None, raw=raw).personal["content"]["properties"]["b"] == "1e999999999"


def test_identifiers_are_bounded_in_number() -> None:
    external = [{"id": str(at), "type": "loyalty_card"} for at in range(51)]
    assert reason(track(context={"externalIds": external})) is Reason.TOO_MANY_IDENTIFIERS


@pytest.mark.parametrize(
    "value", ["a" + "\u0301\u0316" * 200_000, "a" + " " * 200_000 + "x", "5" * 300_000, "x@" + "a." * 200_000]
)
def test_hostile_identifiers_cost_nothing(value: str) -> None:
    item = track(context={"traits": {"email": value, "phone": value}, "externalIds": [{"id": value, "type": "crm_id"}]})
    started = process_time()
    found = Reader("TR", 10**7).read(json.dumps(item).encode(), SHOP, CONNECTOR, RECEIVED, None, Split([], {}, None))
    assert identifiers(found) == {Identifier("user_id", "shop", "42")}
    assert process_time() - started < 30  # a guard against hanging, not a measure


def test_facts_about_nobody_need_no_identifier() -> None:
    spend = {"type": "track", "event": "Campaign Spend Recorded", "properties": {"campaign": "spring", "spend": 100}}
    assert read(spend).identifiers == ()
    assert reason({**spend, "event": "Order Completed"}) is Reason.MISSING_IDENTIFIER


@pytest.mark.parametrize(
    ("event", "free_text"),
    [
        ("Case Replied", {"author": "Ayşe Yılmaz", "question": "Annem 0532 123 45 67"}),
        ("Order Returned", {"reason": "Fatma Hanım beğenmedi"}),
        ("Call Ended", {"disposition": "Mehmet Bey aradı"}),
    ],
)
def test_free_text_is_never_business(event: str, free_text: dict[str, str]) -> None:
    found = read(track(event=event, properties=free_text))
    assert found.business == {}
    assert found.personal["content"]["properties"] == free_text
