"""Splitting a delivery into its items. What `received` counts is counted here, apart from the code that judges.

An item that is wrong in itself must not spoil its neighbours, so items are cut out as bytes and decoded later, each on
its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from cdp.ingest.item import DEEPEST, depth
from cdp.sources.rejection import Reason, Rejected, Stage

Tree = dict[str, Any]


class Split(NamedTuple):
    """The items of a delivery as bytes, in order, and what the batch says for all of them."""

    items: list[bytes]
    defaults: Tree
    sent_at: Any


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None
    sentAt: Any = None  # noqa: N815 - the field's name on the wire


_batch_decoder = msgspec.json.Decoder(_Batch, float_hook=Decimal)
_JSON_SPACE = " \t\n\r"


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
        found = _lenient_batch(body)
    else:
        common = _defaults({"context": batch.context, "integrations": batch.integrations})
        found = Split([bytes(item) for item in batch.batch], common, batch.sentAt)
    if len(found.items) > max_items:
        detail = f"the batch has {len(found.items)} items; expected at most {max_items}: send it in several requests"
        raise Rejected(Reason.TOO_MANY_ITEMS, detail, Stage.SPLIT)
    return found


def _defaults(fields: Tree) -> Tree:
    found = {key: value for key, value in fields.items() if isinstance(value, dict) and value}
    if found and depth(found) > DEEPEST:
        detail = f"what the batch says for all is nested too deep; expected at most {DEEPEST} levels: flatten it"
        raise Rejected(Reason.TOO_DEEP, detail, Stage.SPLIT)
    return found


def _lenient_batch(body: bytes) -> Split:
    """Finds the items although one of them holds what strict JSON forbids, such as half of a surrogate pair."""
    text = body.decode("utf-8", errors="surrogateescape")
    try:
        fields = dict(_members(text))
    except (ValueError, RecursionError):
        raise Rejected(Reason.MALFORMED_JSON, "the body is not JSON; expected one JSON object", Stage.SPLIT) from None
    batch = fields.pop("batch", None)
    if not isinstance(batch, list):
        raise Rejected(Reason.NOT_AN_OBJECT, 'expected an object with a list "batch" of calls', Stage.SPLIT)
    items = [item.encode("utf-8", errors="surrogateescape") for item in batch]
    common = _defaults({key: fields.get(key) for key in ("context", "integrations")})
    try:
        msgspec.json.encode(common)
    except UnicodeEncodeError:
        detail = "what the batch says for all holds half of a surrogate pair; send whole characters"
        raise Rejected(Reason.INVALID_TEXT, detail, Stage.SPLIT) from None
    return Split(items, common, fields.get("sentAt"))


def _members(text: str) -> Iterator[tuple[str, Any]]:
    """The members of the object that `text` is; of the member `batch`, each element as text."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    at = _expect(text, _skip(text, 0), "{")
    if text[_skip(text, at) : _skip(text, at) + 1] == "}":
        return
    while True:
        key, at = decoder.raw_decode(text, _skip(text, at))
        if not isinstance(key, str):
            raise ValueError(key)
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        if key == "batch" and text[at : at + 1] == "[":
            value, at = _elements(text, at, decoder)
        else:
            value, at = decoder.raw_decode(text, at)
        yield key, value
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at += 1
            continue
        at = _skip(text, _expect(text, at, "}"))
        if at != len(text):
            raise ValueError(at)
        return


def _elements(text: str, at: int, decoder: json.JSONDecoder) -> tuple[list[str], int]:
    elements: list[str] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        return elements, at + 1
    while True:
        at = _skip(text, at)
        _, end = decoder.raw_decode(text, at)
        elements.append(text[at:end])
        at = _skip(text, end)
        if text[at : at + 1] == "]":
            return elements, at + 1
        at = _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _JSON_SPACE:
        at += 1
    return at


def _expect(text: str, at: int, character: str) -> int:
    if text[at : at + 1] != character:
        raise ValueError(character)
    return at + 1
