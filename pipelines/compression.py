"""How what a rebuild puts on disk is compressed: quickly, because it is read once and removed."""

from __future__ import annotations

import pyarrow as pa

_CODEC = pa.Codec("lz4")


def compressed(content: bytes) -> bytes:
    """Bytes, smaller."""
    stored: bytes = _CODEC.compress(content, asbytes=True)
    return stored


def decompressed(stored: bytes, size: int) -> bytes:
    """The bytes again, of which there were `size`."""
    content: bytes = _CODEC.decompress(stored, size, asbytes=True)
    return content
