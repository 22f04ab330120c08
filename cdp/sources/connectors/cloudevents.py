"""CloudEvents 1.0 in the JSON event format: one event → one touchpoint.

Attributes that the common specification has a place for stand there (`id` → `messageId`, `type` → `event`, `time` →
`timestamp`), all others, extensions included, in `cloudevent`. Source: CloudEvents 1.0.2, "Context Attributes", and
its JSON event format.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import msgspec

from cdp.ingest.item import decode_item
from cdp.sources.connector import Call, Tree
from cdp.sources.rejection import Reason, Rejected
from cdp.sources.specification import CANONICAL, IDENTIFIERS, identifiers

SPECVERSION = "1.0"
REQUIRED = ("specversion", "id", "source", "type")
TEXTS = (*REQUIRED, "datacontenttype", "dataschema", "subject", "time")
"""The attributes that the specification defines; all of them are texts."""

EXTENSIONS = {"userid": "userId", "anonymousid": "anonymousId"}
"""Extension attributes that identify a person, and the fields of the common specification that they fill."""

_MOVED = ("id", "type", "time", "data", "data_base64")
_KINDS = {name: kind for kind, name in CANONICAL.items()}
_OBJECTS = ("traits", "context", "properties", "integrations")

_NAME = re.compile(r"[a-z0-9]+")
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
_FORBIDDEN = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_NONCHARACTERS}]")
_URI_REFERENCE = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MEDIA_TYPE = re.compile(r"""[!#$%&'*+.^_`|~\w-]+/[!#$%&'*+.^_`|~\w-]+\s*(?:;.*)?""", re.ASCII)
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^";\s]+)""", re.IGNORECASE)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_LEAP_SECOND = re.compile(r":60(?:\.\d+)?(?=[Z+-]|$)")
_INTEGERS = range(-(2**31), 2**31)

_one_value = msgspec.json.Decoder(msgspec.Raw)


class CloudEvents:
    """Nothing of an event is lost; null means unset, and numbers and truth values of attributes become their texts."""

    name = "cloudevents"
    version = 1

    def read(self, item: Tree, call: str | None = None) -> Call:
        """Reads an event. `source` and `id` together are the message id. Raises `Rejected`.

        The tree tells a repetition from a conflict: it is the same whichever content mode brought the event.
        """
        attributes = _attributes(item)
        tree: Tree = {"messageId": attributes["id"], "event": attributes["type"]}
        if "time" in attributes:
            tree["timestamp"] = attributes["time"]
        event: Tree = {name: value for name, value in attributes.items() if name not in _MOVED}
        _put_data(item, attributes.get("datacontenttype"), tree, event)
        _put_extensions(tree, event)
        tree["cloudevent"] = event
        kind = _KINDS.get(attributes["type"], "track")
        traits_of_person = (tree.get("context", {}).get("traits"), None if kind == "group" else tree.get("traits"))
        return Call(
            kind,
            attributes["type"],
            f"{attributes['source']} {attributes['id']}",  # a URI reference has no space
            _timestamp(attributes.get("time")),
            None,
            identifiers(tree, kind, traits_of_person),
            tree,
            content=tree,
        )


CONNECTOR = CloudEvents()


def is_json(media_type: str | None) -> bool:
    """Whether a `datacontenttype` declares JSON; without one the JSON event format implies it."""
    subtype = (media_type or "application/json").partition(";")[0].strip().lower().partition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


def _attributes(item: Tree) -> dict[str, str]:
    """The event's attributes that are set, in the specification's text form."""
    version = item.get("specversion")
    if isinstance(version, str) and version and version != SPECVERSION:
        raise Rejected(Reason.UNKNOWN_FORMAT, f"specversion is unknown; expected {SPECVERSION}")
    found = {
        name: _attribute(name, value)
        for name, value in item.items()
        if value is not None and name not in ("data", "data_base64")
    }
    for name in REQUIRED:
        if name not in found:
            raise _invalid(name, "is missing; CloudEvents 1.0 requires it, as a header with ce- in binary mode")
    if not _URI_REFERENCE.fullmatch(found["source"]):
        raise _invalid("source", "is no URI reference; expected one such as https://shop.example/orders or /orders")
    schema = found.get("dataschema")
    if schema is not None and not (_SCHEME.match(schema) and _URI_REFERENCE.fullmatch(schema)):
        raise _invalid("dataschema", "is no URI; expected an absolute one such as https://shop.example/order.json")
    if not _MEDIA_TYPE.fullmatch(found.get("datacontenttype", "application/json")):
        raise _invalid("datacontenttype", "is no media type; expected one such as application/json")
    return found


def _attribute(name: str, value: Any) -> str:
    if name not in TEXTS and not _NAME.fullmatch(name):
        raise Rejected(
            Reason.INVALID_ENVELOPE, "an attribute's name is not of a-z and 0-9; rename it or put it into data"
        )
    if isinstance(value, str):
        if not value and name in TEXTS:
            raise _invalid(name, "is empty; expected a text")
        if not (value.isascii() and value.isprintable()) and _FORBIDDEN.search(value):
            raise _invalid(name, "holds a control character or a noncharacter of Unicode; leave it out")
        return value
    if name in TEXTS:
        raise _invalid(name, "is not a text; expected a text")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value in _INTEGERS:
        return str(value)
    raise _invalid(
        "an attribute", "is neither a text nor a truth value nor a whole number of 32 bits; put it into data"
    )


def _timestamp(time: str | None) -> str | None:
    """RFC 3339 as Python reads it: T and Z in capitals; a leap second counts as the end of the one before it."""
    if time is None:
        return None
    if not _RFC_3339.fullmatch(time):
        raise Rejected(Reason.INVALID_TIME, "time cannot be read; expected RFC 3339 such as 2026-01-31T12:00:00Z")
    return _LEAP_SECOND.sub(":59.999999", time.upper())


def _put_data(item: Tree, media_type: str | None, tree: Tree, event: Tree) -> None:
    """Puts the data of an event where the common specification would have it; what it has no place for into `event`."""
    if item.get("data_base64") is not None:
        if item.get("data") is not None:
            raise _invalid("data", "and data_base64 are both there; expected at most one of them")
        item = _decoded(item["data_base64"], media_type)
    if "data_base64" in item and item["data_base64"] is not None:
        event["data_base64"] = item["data_base64"]
    elif isinstance(item.get("data"), dict):
        _put_fields(item["data"], tree, event)
    elif "data" in item:
        event["data"] = item["data"]


def _put_fields(data: Tree, tree: Tree, event: Tree) -> None:
    """Fields named as the common specification names them mean what they mean there; the others are properties, or
    stay in the event's data where the sender has set properties apart."""
    moved = {
        name: value
        for name, value in data.items()
        if name in IDENTIFIERS or (name in _OBJECTS and isinstance(value, dict))
    }
    others = {name: value for name, value in data.items() if name not in moved}
    tree.update(moved)
    if "properties" in moved:
        event["data"] = others
    elif others or not moved:
        tree["properties"] = others


def _put_extensions(tree: Tree, event: Tree) -> None:
    """Gives an identifying extension its field unless the data has it; null then says in `event` that it moved."""
    for attribute, field in EXTENSIONS.items():
        if attribute in event and tree.get(field) in (None, ""):
            tree[field] = event[attribute]
            event[attribute] = None


def _decoded(encoded: Any, media_type: str | None) -> Tree:
    """What binary data holds: JSON if it says so, text where it is text, else the encoded bytes as they came."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _invalid("data_base64", "is not Base64; expected the form of RFC 4648, section 4") from None
    if is_json(media_type):
        try:
            return {"data": _json(raw)}
        except Rejected:
            if media_type is not None:
                raise
    text = _text(raw, media_type or "")
    return {"data_base64": encoded} if text is None else {"data": text}


def _json(raw: bytes) -> Any:
    """One JSON value, held to what holds for every item. Raises `Rejected`."""
    try:
        _one_value.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        detail = "the data is not JSON, which datacontenttype says it is; expected one JSON value"
        raise Rejected(Reason.MALFORMED_JSON, detail) from None
    wrapped = b'{"data":' + raw + b"}"
    return decode_item(wrapped, len(wrapped))["data"]


def _text(raw: bytes, media_type: str) -> str | None:
    """The bytes as text in the media type's charset, if that gives them back exactly; else None."""
    declared = _CHARSET.search(media_type)
    charset = declared.group(1) if declared else "utf-8"
    try:
        text = raw.decode(charset)
        return text if "\x00" not in text and text.encode(charset) == raw else None
    except (LookupError, ValueError):
        return None


def _invalid(name: str, what: str) -> Rejected:
    return Rejected(Reason.INVALID_ENVELOPE, f"{name} {what}")
