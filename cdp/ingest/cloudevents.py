"""Dividing a request by the HTTP protocol binding of CloudEvents 1.0: binary, structured and batched content mode.

Every item is an event in the JSON event format, so that one connector reads all three. Source: CloudEvents 1.0.2,
"HTTP Protocol Binding", sections 3 and 3.1.3.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from cdp.ingest.split import Split, split_batch
from cdp.sources.connectors.cloudevents import is_json
from cdp.sources.rejection import Reason, Rejected, Stage

MEDIA_TYPE = "application/cloudevents"
STRUCTURED = f"{MEDIA_TYPE}+json"
BATCHED = f"{MEDIA_TYPE}-batch+json"
PREFIX = "ce-"

Headers = Iterable[tuple[str, str]]

_RESERVED = frozenset({"data", "data_base64", "datacontenttype"})
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")

_elements = msgspec.json.Decoder(list[msgspec.Raw])
_one_value = msgspec.json.Decoder(msgspec.Raw)


class Divided(NamedTuple):
    """The bytes that a delivery is kept as, the items in them, and whether it is one event that came alone."""

    body: bytes
    split: Split | Rejected
    single: bool


def divide(headers: Headers, body: bytes, max_items: int) -> Divided:
    """The events of a request. Header names are in lower case, values as latin-1, as ASGI servers give them."""
    headers = list(headers)
    declared = dict(headers).get("content-type")
    media_type = (declared or "").partition(";")[0].strip().lower()
    if media_type == BATCHED:
        return Divided(body, _batch(body, max_items), single=False)
    if media_type == STRUCTURED:
        return Divided(body, Split([body], {}, None), single=True)
    if media_type.startswith(MEDIA_TYPE):
        detail = f"the event format is unknown; expected Content-Type {STRUCTURED} or {BATCHED}, or binary mode"
        return Divided(body, Rejected(Reason.UNKNOWN_FORMAT, detail, Stage.SPLIT), single=True)
    return _binary(headers, declared, body)


def _batch(body: bytes, max_items: int) -> Split | Rejected:
    """The elements of a JSON array, cut out as bytes. One that is wrong in itself does not spoil the others."""
    try:
        items = [bytes(item) for item in _elements.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _lenient_batch(body, max_items)
    if len(items) > max_items:
        detail = f"the batch has {len(items)} events; expected at most {max_items}: send it in several requests"
        return Rejected(Reason.TOO_MANY_ITEMS, detail, Stage.SPLIT)
    return Split(items, {}, None)


def _lenient_batch(body: bytes, max_items: int) -> Split | Rejected:
    try:
        whole = json.loads(body.decode("utf-8", errors="surrogateescape"))
    except (ValueError, RecursionError):
        return Rejected(Reason.MALFORMED_JSON, "the body is not JSON; expected a JSON array of events", Stage.SPLIT)
    if not isinstance(whole, list):
        return Rejected(Reason.NOT_AN_OBJECT, "the body is no JSON array; expected an array of events", Stage.SPLIT)
    try:
        return split_batch(b'{"batch":' + body + b"}", max_items)
    except Rejected as rejected:
        return rejected


def _binary(headers: Headers, content_type: str | None, body: bytes) -> Divided:
    """The event whose attributes are headers and whose data is the body, as it would stand in the JSON format."""
    event: dict[str, Any] = {}
    problem: Rejected | None = None
    for header, value in headers:
        if header.startswith(PREFIX):
            name = header.removeprefix(PREFIX)
            try:
                value = decoded(value)
            except UnicodeDecodeError:
                problem = problem or _refused("a ce- header is not UTF-8 once its percent signs are decoded")
            if name in _RESERVED:
                problem = problem or _refused(
                    f"the header {PREFIX}{name} is not allowed; use Content-Type and the body"
                )
            event[name] = [event[name], value] if name in event else value
    if content_type is not None:
        event["datacontenttype"] = content_type
    if body:
        event |= _data(content_type, body)
    item = msgspec.json.encode(event)
    return Divided(item, problem or Split([item], {}, None), single=True)


def decoded(value: str) -> str:
    """A header's value: double quotes undone, then one round of percent-decoding. Raises `UnicodeDecodeError`."""
    unquoted = _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted.group(1)), value)
    return unquote_to_bytes(unquoted.encode("latin-1")).decode("utf-8")


def _data(content_type: str | None, body: bytes) -> dict[str, Any]:
    """JSON stands in the event as it came, everything else as Base64."""
    if is_json(content_type):
        try:
            _one_value.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        else:
            return {"data": msgspec.Raw(body)}
    return {"data_base64": base64.b64encode(body).decode()}


def _refused(what: str) -> Rejected:
    return Rejected(Reason.INVALID_ENVELOPE, what, Stage.SPLIT)
