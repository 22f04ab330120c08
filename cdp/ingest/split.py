"""Splitting a delivery into its items. What `received` counts is counted here, apart from the code that judges.

An item that is wrong in itself must not spoil its neighbours, so items are cut out as bytes and decoded later, each on
its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from cdp.ingest.item import decode_tree
from cdp.sources.rejection import Reason, Rejected, Stage

Tree = dict[str, Any]

MOST_REPEATED_BYTES = 32 * 1024 * 1024
"""What a batch says for all its items is stored with each of them; this much at most in one delivery."""

COMMON = ("context", "integrations")


class Split(NamedTuple):
    """The items of a delivery as bytes, in order, and what the batch says for all of them, with its size in bytes."""

    items: list[bytes]
    defaults: Tree
    sent_at: Any
    defaults_size: int = 0


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    context: msgspec.Raw = msgspec.Raw(b"null")
    integrations: msgspec.Raw = msgspec.Raw(b"null")
    sentAt: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815 - the field's name on the wire


_batch_decoder = msgspec.json.Decoder(_Batch)
_patient_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_space = re.compile(r"[ \t\n\r]*")


def split(body: bytes, single: bool, max_items: int) -> Split | Rejected:
    """The items of a body: itself when it is a call that comes alone, else those of the batch that it is."""
    if single:
        return Split([body], {}, None)
    try:
        return split_batch(body, max_items)
    except Rejected as rejected:
        return rejected


def split_batch(body: bytes, max_items: int) -> Split:
    """Cuts `{"batch": [...], "context": ..., "sentAt": ...}` into its items. Raises `Rejected` for the whole."""
    try:
        batch = _batch_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _patient_batch(body, max_items)
    if len(batch.batch) > max_items:
        raise _too_many(max_items)
    common = {name: bytes(getattr(batch, name)) for name in COMMON}
    return _checked([bytes(item) for item in batch.batch], common, bytes(batch.sentAt))


def _checked(items: list[bytes], common: dict[str, bytes], sent_at: bytes) -> Split:
    """The split, once what the batch says for all is found to be fit for every item."""
    usable = {name: value for name, value in common.items() if value.startswith(b"{") and value != b"{}"}
    if not usable:
        return Split(items, {}, _sent_at(sent_at))
    joined = b",".join(b'"%b":%b' % (name.encode(), value) for name, value in usable.items())
    if len(joined) * len(items) > MOST_REPEATED_BYTES:
        detail = (
            f"what the batch says for all has {len(joined)} bytes, stored with each of {len(items)} items; "
            f"expected at most {MOST_REPEATED_BYTES} in all: send smaller batches"
        )
        raise Rejected(Reason.TOO_LARGE, detail, Stage.SPLIT)
    try:
        defaults = decode_tree(b"{%b}" % joined)
    except Rejected as rejected:
        detail = f"what the batch says for all: {rejected.detail}"
        raise Rejected(rejected.reason, detail, Stage.SPLIT) from None
    return Split(items, {name: value for name, value in defaults.items() if value}, _sent_at(sent_at), len(joined))


def _sent_at(value: bytes) -> Any:
    """A text, or whatever else there is as bytes, which no clock accepts."""
    try:
        found = msgspec.json.decode(value, type=str | None)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return value
    return found


def _too_many(max_items: int) -> Rejected:
    detail = f"the batch has more than {max_items} items; send it in several requests"
    return Rejected(Reason.TOO_MANY_ITEMS, detail, Stage.SPLIT)


def _patient_batch(body: bytes, max_items: int) -> Split:
    """Finds the items although one of them holds what strict JSON forbids, such as half of a surrogate pair."""
    fields = dict(members(body, max_items))
    batch = fields.pop("batch", None)
    if not isinstance(batch, list):
        raise Rejected(Reason.NOT_AN_OBJECT, 'expected an object with a list "batch" of calls', Stage.SPLIT)
    common = {name: found for name in COMMON if isinstance(found := fields.get(name), bytes)}
    sent_at = fields.get("sentAt", b"null")
    return _checked(batch, common, sent_at if isinstance(sent_at, bytes) else b"null")


def members(body: bytes, max_items: int) -> Iterator[tuple[str, bytes | list[bytes]]]:
    """The members of the object that `body` is, as bytes; of a list `batch` each element. Raises `Rejected`."""
    text = body.decode("utf-8", errors="surrogateescape")
    try:
        yield from _members(text, max_items)
    except (ValueError, RecursionError):
        raise Rejected(Reason.MALFORMED_JSON, "the body is not JSON; expected one JSON object", Stage.SPLIT) from None


def _members(text: str, max_items: int) -> Iterator[tuple[str, bytes | list[bytes]]]:
    at = _skip(text, _expect(text, _skip(text, 0), "{"))
    if text[at : at + 1] != "}":
        while True:
            key, at = _patient_decoder.raw_decode(text, _skip(text, at))
            if not isinstance(key, str):
                raise ValueError(key)
            at = _skip(text, _expect(text, _skip(text, at), ":"))
            if key == "batch" and text[at : at + 1] == "[":
                elements, at = _elements(text, at, max_items)
                yield key, elements
            else:
                value, at = _raw(text, at)
                yield key, value
            at = _skip(text, at)
            if text[at : at + 1] != ",":
                break
            at += 1
    if _skip(text, _expect(text, at, "}")) != len(text):
        raise ValueError(at)


def _elements(text: str, at: int, max_items: int) -> tuple[list[bytes], int]:
    elements: list[bytes] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        return elements, at + 1
    while True:
        element, at = _raw(text, _skip(text, at))
        elements.append(element)
        if len(elements) > max_items:
            raise _too_many(max_items)
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return elements, at + 1
        at = _expect(text, at, ",")


def _raw(text: str, at: int) -> tuple[bytes, int]:
    """The bytes of the value that begins at `at`, and where it ends."""
    _, end = _patient_decoder.raw_decode(text, at)
    return text[at:end].encode("utf-8", errors="surrogateescape"), end


def _skip(text: str, at: int) -> int:
    found = _space.match(text, at)
    return found.end() if found else at


def _expect(text: str, at: int, character: str) -> int:
    if text[at : at + 1] != character:
        raise ValueError(character)
    return at + 1
