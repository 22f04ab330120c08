"""The write key of a request: in its `Authorization` header, its query or its body."""

from __future__ import annotations

import base64

import msgspec
from starlette.requests import Request

from cdp.ingest.split import members
from cdp.sources.rejection import Rejected

_UNREADABLE = "unreadable"
"""No source has this key."""


class _BodyKey(msgspec.Struct):
    writeKey: str | None = None  # noqa: N815 - the field's name on the wire


_body_key = msgspec.json.Decoder(_BodyKey)


def in_header(request: Request) -> str | None:
    """The write key of `Authorization: Basic base64(key:)`, or of the query."""
    header = request.headers.get("authorization", "")
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
        except ValueError:  # no Base64, or no UTF-8
            return _UNREADABLE
    return request.query_params.get("writeKey") if request.scope["query_string"] else None


def in_body(body: bytes, max_items: int) -> str | None:
    """The member `writeKey` of a JSON object, also of one that is no strict JSON: some SDKs write NaN, or half of a
    surrogate pair, and name their key nowhere else."""
    try:
        return _body_key.decode(body).writeKey
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _patiently(body, max_items)


def _patiently(body: bytes, max_items: int) -> str | None:
    try:
        for name, value in members(body, max_items):
            if name == "writeKey" and isinstance(value, bytes):
                return msgspec.json.decode(value, type=str)
    except (Rejected, msgspec.DecodeError, UnicodeDecodeError):
        pass
    return None
