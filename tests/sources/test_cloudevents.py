"""CloudEvents 1.0: the examples of the specification, its rules, and one event in every content mode."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.ingest.cloudevents import BATCHED, STRUCTURED, decoded, divide
from cdp.ingest.item import decode_item
from cdp.ingest.split import Split
from cdp.sources.connector import Call
from cdp.sources.connectors.cloudevents import CONNECTOR, is_json
from cdp.sources.rejection import Reason, Rejected

Event = dict[str, Any]

SOME_EVENT: Event = {
    "specversion": "1.0",
    "type": "com.example.someevent",
    "source": "/mycontext",
    "id": "A234-1234-1234",
    "time": "2018-04-05T17:31:00Z",
    "comexampleextension1": "value",
    "comexampleothervalue": 5,
}
"""What the examples of the JSON event format, sections 3.2 and 4.3, have in common."""

EXAMPLES: dict[str, tuple[Event, str, bytes]] = {
    "binary data": (
        SOME_EVENT
        | {
            "datacontenttype": "application/vnd.apache.thrift.binary",
            "data_base64": base64.b64encode(b"\x80").decode(),
        },
        "application/vnd.apache.thrift.binary",
        b"\x80",
    ),
    "an XML document": (
        SOME_EVENT | {"unsetextension": None, "datacontenttype": "application/xml", "data": '<much wow="xml"/>'},
        "application/xml",
        b'<much wow="xml"/>',
    ),
    "a JSON object": (
        SOME_EVENT
        | {
            "subject": None,
            "datacontenttype": "application/json",
            "data": {"appinfoA": "abc", "appinfoB": 123, "appinfoC": True},
        },
        "application/json",
        b'{\n  "appinfoA" : "abc",\n  "appinfoB" : 123,\n  "appinfoC" : true\n}',
    ),
    "a JSON text": (
        SOME_EVENT | {"datacontenttype": "application/json", "data": "I'm just a string"},
        "application/json",
        b'"I\'m just a string"',
    ),
}


def read(headers: list[tuple[str, str]], body: bytes) -> Call:
    """The one event of a request. Raises `Rejected`."""
    split = divide(headers, body, 10).split
    if isinstance(split, Rejected):
        raise split
    [item] = split.items
    return CONNECTOR.read(decode_item(item, 1_000_000), None)


def structured(event: Event) -> Call:
    """An event in structured content mode."""
    return read([("content-type", f"{STRUCTURED}; charset=UTF-8")], json.dumps(event).encode())


def encode(value: Any) -> str:
    """A header's value by section 3.1.3.2 of the HTTP protocol binding."""
    text = json.dumps(value) if isinstance(value, bool | int) else str(value)
    return quote(text, safe="!#$&'()*+,/:;=?@[]<>^`{|}~\\")


def binary(event: Event, content_type: str | None, body: bytes) -> Call:
    """An event in binary content mode: its attributes as headers."""
    own = {name: value for name, value in event.items() if name not in ("data", "data_base64", "datacontenttype")}
    headers = [(f"ce-{name}", encode(value)) for name, value in own.items() if value is not None]
    return read([*headers, *([("content-type", content_type)] if content_type else [])], body)


@pytest.mark.parametrize(("event", "content_type", "body"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_specification_s_examples_are_the_same_in_both_modes(event: Event, content_type: str, body: bytes) -> None:
    call = structured(event)
    assert call == binary(event, content_type, body)
    assert (call.type, call.name) == ("track", "com.example.someevent")
    assert (call.message_id, call.timestamp) == ("/mycontext A234-1234-1234", "2018-04-05T17:31:00Z")
    assert call.tree["cloudevent"]["comexampleothervalue"] == "5"


def test_the_specification_s_batch_holds_two_events() -> None:
    batch = [EXAMPLES["binary data"][0] | {"source": "/mycontext/4"}, EXAMPLES["a JSON object"][0]]
    found = divide([("content-type", BATCHED)], json.dumps(batch).encode(), 10)
    assert isinstance(found.split, Split)
    calls = [CONNECTOR.read(decode_item(item, 10_000), None) for item in found.split.items]
    assert [call.message_id for call in calls] == ["/mycontext/4 A234-1234-1234", "/mycontext A234-1234-1234"]
    assert not found.single


def test_an_empty_batch_is_no_mistake() -> None:
    assert divide([("content-type", BATCHED)], b" [ ] ", 10).split == Split([], {}, None)


def test_data_without_a_media_type_is_json() -> None:
    event = SOME_EVENT | {"data": {"total": 1}}
    assert structured(event) == binary(event, None, b'{"total": 1}')
    assert structured(event).tree["properties"] == {"total": 1}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("Euro%20%e2%82%ac", "Euro €"),
        ("%45uro", "Euro"),
        ('"a \\"quoted\\" text"', 'a "quoted" text'),
        ("100%25%20", "100% "),
        ("%2541", "%41"),
        ("5%", "5%"),
    ],
)
def test_header_values_are_decoded_once(header: str, value: str) -> None:
    assert decoded(header) == value


@pytest.mark.parametrize("header", ["%C0%A0", "%FF"])
def test_what_is_not_utf8_once_decoded_is_refused_and_kept(header: str) -> None:
    found = divide([("ce-id", "1"), ("ce-subject", header)], b"{}", 10)
    assert isinstance(found.split, Rejected)
    assert found.split.reason is Reason.INVALID_ENVELOPE
    assert json.loads(found.body) == {"id": "1", "subject": header, "data": {}}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"])))
def test_whatever_the_specification_encodes_is_decoded(value: str) -> None:
    assert decoded(encode(value)) == value


def refused(event: Event) -> Reason:
    with pytest.raises(Rejected) as caught:
        structured(event)
    assert not any(str(value) in caught.value.detail for value in ("secret", "ş"))
    return caught.value.reason


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        *(({name: None}, Reason.INVALID_ENVELOPE) for name in ("specversion", "id", "source", "type")),
        *(({name: ""}, Reason.INVALID_ENVELOPE) for name in ("specversion", "id", "source", "type", "subject")),
        *(({name: 5}, Reason.INVALID_ENVELOPE) for name in ("specversion", "id", "source", "type", "subject", "time")),
        ({"specversion": "0.3"}, Reason.UNKNOWN_FORMAT),
        ({"specversion": "2.0"}, Reason.UNKNOWN_FORMAT),
        ({"source": "a secret place"}, Reason.INVALID_ENVELOPE),
        ({"source": "/%zz"}, Reason.INVALID_ENVELOPE),
        ({"dataschema": "/relative"}, Reason.INVALID_ENVELOPE),
        ({"datacontenttype": "json"}, Reason.INVALID_ENVELOPE),
        ({"camelCase": "secret"}, Reason.INVALID_ENVELOPE),
        ({"under_score": "secret"}, Reason.INVALID_ENVELOPE),
        ({"şehir": "secret"}, Reason.INVALID_ENVELOPE),
        ({"nested": {"a": "secret"}}, Reason.INVALID_ENVELOPE),
        ({"many": ["secret"]}, Reason.INVALID_ENVELOPE),
        ({"fraction": 1.5}, Reason.INVALID_ENVELOPE),
        ({"long": 2**31}, Reason.INVALID_ENVELOPE),
        ({"control": "a\nb"}, Reason.INVALID_ENVELOPE),
        ({"control": "a\x85b"}, Reason.INVALID_ENVELOPE),
        ({"nonchar": "￾"}, Reason.INVALID_ENVELOPE),
        ({"data": 1, "data_base64": "MQ=="}, Reason.INVALID_ENVELOPE),
        ({"data_base64": "secret!"}, Reason.INVALID_ENVELOPE),
        ({"data_base64": 5}, Reason.INVALID_ENVELOPE),
        ({"time": "yesterday"}, Reason.INVALID_TIME),
        ({"time": "2018-04-05"}, Reason.INVALID_TIME),
        ({"time": "20180405T173100Z"}, Reason.INVALID_TIME),
        ({"data": {"userId": {"id": "secret"}}}, Reason.WRONG_TYPE),
        (
            {"datacontenttype": "application/json", "data_base64": base64.b64encode(b'{"a":1},"x":{}').decode()},
            Reason.MALFORMED_JSON,
        ),
    ],
)
def test_what_breaks_the_specification_is_refused(more: Event, reason: Reason) -> None:
    assert refused(SOME_EVENT | more) is reason


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ([("content-type", "application/cloudevents+avro")], b"", Reason.UNKNOWN_FORMAT),
        ([("content-type", "application/cloudevents")], b"{}", Reason.UNKNOWN_FORMAT),
        ([("content-type", "application/cloudevents-batch+avro")], b"", Reason.UNKNOWN_FORMAT),
        ([("content-type", BATCHED)], b"{}", Reason.NOT_AN_OBJECT),
        ([("content-type", BATCHED)], b'[],"batch":[]', Reason.MALFORMED_JSON),
        ([("content-type", BATCHED)], b"[1,2,3,4,5,6,7,8,9,10,11]", Reason.TOO_MANY_ITEMS),
        ([("ce-datacontenttype", "text/plain")], b"a", Reason.INVALID_ENVELOPE),
        ([("ce-data", "1")], b"", Reason.INVALID_ENVELOPE),
    ],
)
def test_what_breaks_the_binding_is_refused(headers: list[tuple[str, str]], body: bytes, reason: Reason) -> None:
    split = divide(headers, body, 10).split
    assert isinstance(split, Rejected)
    assert split.reason is reason


def test_half_a_surrogate_pair_in_one_event_does_not_spoil_its_batch() -> None:
    body = b'[{"id": "\\ud800"}, ' + json.dumps(SOME_EVENT).encode() + b"]"
    split = divide([("content-type", BATCHED)], body, 10).split
    assert isinstance(split, Split)
    assert split.items == [b'{"id": "\\ud800"}', json.dumps(SOME_EVENT).encode()]


def test_an_attribute_that_comes_twice_is_refused() -> None:
    headers = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-id", "2"), ("ce-source", "/a"), ("ce-type", "t")]
    with pytest.raises(Rejected) as caught:
        read(headers, b"")
    assert caught.value.reason is Reason.INVALID_ENVELOPE


def test_json_that_is_none_is_kept_byte_by_byte() -> None:
    body = b'{"total": 1}, "userid": "x"'
    split = divide([("ce-id", "1"), ("content-type", "application/json")], body, 10).split
    assert isinstance(split, Split)
    assert base64.b64decode(json.loads(split.items[0])["data_base64"]) == body


@pytest.mark.parametrize(
    ("time", "read_as"),
    [
        ("2018-04-05t17:31:00z", "2018-04-05T17:31:00Z"),
        ("2018-04-05T17:31:00.123456789+03:00", "2018-04-05T17:31:00.123456789+03:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
    ],
)
def test_every_time_of_rfc_3339_can_be_read(time: str, read_as: str) -> None:
    call = structured(SOME_EVENT | {"time": time})
    assert (call.timestamp, call.tree["timestamp"]) == (read_as, time)


@pytest.mark.parametrize(
    ("type_", "kind"), [("Order Completed", "track"), ("Page Viewed", "page"), ("User Identified", "identify")]
)
def test_a_canonical_event_name_is_the_touchpoint_s(type_: str, kind: str) -> None:
    call = structured(SOME_EVENT | {"type": type_})
    assert (call.type, call.name, call.tree["event"]) == (kind, type_, type_)


def test_fields_of_the_common_specification_mean_the_same_here() -> None:
    data = {
        "userId": "42",
        "traits": {"email": "ada@example.com"},
        "context": {"device": {"id": "d1"}, "traits": {"phone": "+905321234567"}},
        "total": 12,
    }
    call = structured(SOME_EVENT | {"data": data})
    assert call.tree["properties"] == {"total": 12}
    assert sorted(call.identifiers) == [
        ("self", "device_id", "d1"),
        ("self", "email", "ada@example.com"),
        ("self", "phone", "+905321234567"),
        ("self", "user_id", "42"),
    ]


def test_properties_set_apart_leave_the_other_fields_in_the_data() -> None:
    call = structured(SOME_EVENT | {"data": {"userId": "42", "properties": {"total": 12}, "kind": "x"}})
    assert call.tree["properties"] == {"total": 12}
    assert call.tree["cloudevent"]["data"] == {"kind": "x"}


def test_extension_attributes_identify_unless_the_data_does() -> None:
    event = SOME_EVENT | {"userid": "42", "anonymousid": "b1", "data": {"userId": "43"}}
    call = structured(event)
    assert call.identifiers == [("self", "user_id", "43"), ("self", "anonymous_id", "b1")]
    assert (call.tree["cloudevent"]["userid"], call.tree["cloudevent"]["anonymousid"]) == ("42", None)


def test_text_in_another_charset_is_read_as_text() -> None:
    call = binary(SOME_EVENT, "text/plain; charset=windows-1254", "şeker".encode("windows-1254"))
    assert call.tree["cloudevent"]["data"] == "şeker"
    assert call == structured(SOME_EVENT | {"datacontenttype": "text/plain; charset=windows-1254", "data": "şeker"})


def test_a_media_type_says_whether_it_is_json() -> None:
    assert all(map(is_json, (None, "application/json", "text/JSON; charset=utf-8", "application/geo+json")))
    assert not any(map(is_json, ("text/plain", "application/jsonl", "application/xml; a=json")))


texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=12)
names = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True).filter(
    lambda name: name not in (*SOME_EVENT, "data", "datacontenttype", "dataschema", "subject", "source")
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "userId": texts,
        "anonymousId": texts,
        "traits": st.dictionaries(texts, texts, max_size=2),
        "properties": st.dictionaries(texts, json_values, max_size=2),
        "context": st.fixed_dictionaries({}, optional={"locale": texts}),
        "total": st.integers(0, 9),
        "messageId": texts,
    },
)
datas = st.one_of(
    st.tuples(st.just("application/json"), json_values | shaped),
    st.tuples(st.sampled_from(["text/plain", "application/xml", "a/b; charset=utf-8"]), texts | st.binary(min_size=1)),
)
events = st.builds(
    lambda attributes, extensions: SOME_EVENT | attributes | extensions,
    st.fixed_dictionaries({"id": texts}, optional={"subject": texts, "userid": texts, "anonymousid": texts}),
    st.dictionaries(names, texts | st.booleans() | st.integers(-(2**31), 2**31 - 1), max_size=3),
)


@given(events, datas)
def test_an_event_is_the_same_touchpoint_in_either_mode_and_nothing_is_lost(
    event: Event, content: tuple[str, Any]
) -> None:
    # Given an event with data of any media type
    media_type, data = content
    event = event | {"datacontenttype": media_type}
    if isinstance(data, bytes):
        event, body = event | {"data_base64": base64.b64encode(data).decode()}, data
    elif is_json(media_type):
        event, body = event | {"data": data}, json.dumps(data).encode()
    else:
        event, body = event | {"data": data}, data.encode()
    # When it comes in structured mode, and in binary mode
    call = structured(event)
    # Then both are the same call, and the call says everything that the event does
    assert binary(event, media_type, body) == call
    assert restored(call.tree) == as_text(event)


def restored(tree: Event) -> Event:
    """The event that a tree was made of, its attributes as texts and its data as a value."""
    event = {"id": tree["messageId"], "type": tree["event"], "time": tree["timestamp"], **tree["cloudevent"]}
    fields: Event = {name: tree[name] for name in ("anonymousId", "userId", "traits", "context") if name in tree}
    for attribute, field in (("userid", "userId"), ("anonymousid", "anonymousId")):
        if attribute in event and event[attribute] is None:
            event[attribute] = fields.pop(field)
    if "properties" in tree:
        apart = "data" in event
        event["data"] = {
            **event.get("data", {}),
            **({"properties": tree["properties"]} if apart else tree["properties"]),
        }
    if fields:
        event["data"] = event.get("data", {}) | fields
    if "data_base64" in event:
        event["data"] = base64.b64decode(event.pop("data_base64"))
    return event


def as_text(event: Event) -> Event:
    """An event with its attributes as texts, and its data as what it is."""
    content = {name: event[name] for name in ("data", "data_base64") if name in event}
    attributes = {name: value for name, value in event.items() if name not in content}
    text = {name: json.dumps(v) if isinstance(v, bool | int) else v for name, v in attributes.items()}
    if "data_base64" in content:
        raw = base64.b64decode(content["data_base64"])
        try:
            decoded_text = raw.decode()
        except UnicodeDecodeError:
            return text | {"data": raw}
        return text | {"data": raw if "\x00" in decoded_text else decoded_text}
    return text | content
