"""The sealed forms in which quarantine keeps what it holds: an item's bytes, what its batch says for all, a sentence.

Rows of every form stay readable: a field that an older form lacks has the value that held for all at that time.
"""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from cdp.vault.sealing import seal, unseal

Tree = dict[str, Any]

QUARANTINE = "quarantine"
_FASTEST = 1


class Kept(NamedTuple):
    """An item as it came: its bytes, what was wrong with them at first, and how they are to be read."""

    raw: bytes
    detail: str
    connector: str
    call: str | None


class Common(NamedTuple):
    """What a delivery says for all of its items; `size` is that of the defaults in bytes."""

    defaults: Tree
    sent_at: Any
    size: int

    def __bool__(self) -> bool:
        return bool(self.defaults) or self.sent_at is not None


NOTHING_COMMON = Common({}, None, 0)


class _Head(msgspec.Struct, omit_defaults=True):
    detail: str
    connector: str = "segment"
    call: str | None = None


class _Common(msgspec.Struct, omit_defaults=True):
    defaults: Tree = {}
    sent_at: Any = None
    size: int = 0


_encode = msgspec.json.Encoder(decimal_format="number").encode
_head = msgspec.json.Decoder(_Head)
_common = msgspec.json.Decoder(_Common, float_hook=Decimal)


def seal_kept(key: bytes, quarantine_id: UUID, key_id: int, kept: Kept) -> bytes:
    """The item compressed and encrypted, bound to its row."""
    content = _encode(_Head(kept.detail, kept.connector, kept.call)) + b"\n" + kept.raw
    return _seal(key, content, _item(quarantine_id, key_id))


def open_kept(key: bytes, quarantine_id: UUID, key_id: int, sealed: bytes) -> Kept:
    """What `seal_kept` sealed."""
    first, _, raw = _unseal(key, sealed, _item(quarantine_id, key_id)).partition(b"\n")
    head = _head.decode(first)
    return Kept(raw, head.detail, head.connector, head.call)


def seal_mended(key: bytes, quarantine_id: UUID, key_id: int, raw: bytes) -> bytes:
    """The bytes that take the first ones' place."""
    return _seal(key, raw, _item(quarantine_id, key_id) + b"|mended")


def open_mended(key: bytes, quarantine_id: UUID, key_id: int, sealed: bytes) -> bytes:
    """What `seal_mended` sealed."""
    return _unseal(key, sealed, _item(quarantine_id, key_id) + b"|mended")


def seal_detail(key: bytes, quarantine_id: UUID, key_id: int, step: int, detail: str) -> bytes:
    """The sentence of a later step."""
    return _seal(key, detail.encode(), _item(quarantine_id, key_id) + f"|step|{step}".encode())


def open_detail(key: bytes, quarantine_id: UUID, key_id: int, step: int, sealed: bytes) -> str:
    """What `seal_detail` sealed."""
    return _unseal(key, sealed, _item(quarantine_id, key_id) + f"|step|{step}".encode()).decode()


def encode_common(common: Common) -> bytes:
    """The plain form of what a delivery says for all. Of a time of sending that is no text only that is kept."""
    sent_at = common.sent_at
    if not isinstance(sent_at, str | None) or (sent_at is not None and not _is_unicode(sent_at)):
        sent_at = False
    return _encode(_Common(common.defaults, sent_at, common.size))


def seal_common(key: bytes, delivery_id: UUID, key_id: int, encoded: bytes) -> bytes:
    """What `encode_common` encoded, bound to the delivery."""
    return _seal(key, encoded, _delivery(delivery_id, key_id))


def open_common(key: bytes, delivery_id: UUID, key_id: int, sealed: bytes) -> Common:
    """What `seal_common` sealed."""
    found = _common.decode(_unseal(key, sealed, _delivery(delivery_id, key_id)))
    return Common(found.defaults, found.sent_at, found.size)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _seal(key: bytes, content: bytes, bound: bytes) -> bytes:
    return seal(key, (), QUARANTINE, zlib.compress(content, _FASTEST), bound)


def _unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return zlib.decompress(unseal(key, (), QUARANTINE, sealed, bound))


def _item(quarantine_id: UUID, key_id: int) -> bytes:
    return f"quarantine|{quarantine_id}|{key_id}".encode()


def _delivery(delivery_id: UUID, key_id: int) -> bytes:
    return f"delivery|{delivery_id}|{key_id}".encode()
