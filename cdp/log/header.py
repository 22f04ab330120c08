"""Header bytes and back, headers of older versions lifted to the present one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from cdp.log.touchpoint import Header, SealedUnder

Upcaster = Callable[[dict[str, Any]], None]

UPCASTERS: tuple[Upcaster, ...] = ()
"""The upcaster at index n lifts a header of version n + 1, in place, to version n + 2."""

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Header)
_sealed_under = msgspec.json.Decoder(SealedUnder)


def encode_header(header: Header) -> bytes:
    """The bytes that are stored and hashed."""
    return _encode(header)


def decode_header(data: bytes, upcasters: Sequence[Upcaster] = UPCASTERS) -> Header:
    """Reads a stored header. A header without a version is version 1; each upcaster lifts it by one."""
    if not upcasters:
        return _decoder.decode(data)
    state: dict[str, Any] = msgspec.json.decode(data)
    for lift in upcasters[state.pop("v", 1) - 1 :]:
        lift(state)
    return msgspec.convert(state, Header)


def decode_sealed_under(data: bytes, upcasters: Sequence[Upcaster] = UPCASTERS) -> SealedUnder:
    """Reads of a stored header how to unseal the personal part."""
    if not upcasters:
        return _sealed_under.decode(data)
    header = decode_header(data, upcasters)
    return SealedUnder(header.id, header.keys, header.flags)
