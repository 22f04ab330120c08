"""HMAC-SHA256, quick enough for a dozen hashes a touchpoint, and the framing of what goes into it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha256

BLOCK = 64
INNER = bytes(byte ^ 0x36 for byte in range(256))
OUTER = bytes(byte ^ 0x5C for byte in range(256))
LENGTHS = [struct.Struct(f">{count}I").pack for count in range(12)]


class Mac:
    """HMAC-SHA256 (RFC 2104) under one key.

    The two hash states that depend on the key alone are computed once and copied for each message, which takes less
    than half the time of `hmac.digest`.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = (sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
        self._inner = sha256(padded.translate(INNER))
        self._outer = sha256(padded.translate(OUTER))

    def __call__(self, message: bytes) -> bytes:
        """The 32 bytes of the message's code."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


def framed(parts: Sequence[bytes]) -> bytes:
    """The parts as one message that no other parts give: the lengths (32 bits, big-endian) first, then the bytes.

    The number of parts needs no place of its own: lengths and bytes fill the message exactly for one number only.
    """
    count = len(parts)
    pack = LENGTHS[count] if count < len(LENGTHS) else struct.Struct(f">{count}I").pack
    return pack(*map(len, parts)) + b"".join(parts)
