"""The three parts in which an event is stored, and the hash that stands for them in the Merkle tree.

Stored bytes are hashed as they are, never encoded again. A part that must physically go is replaced by its SHA-256,
and the leaf stays the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from uuid import UUID

BUSINESS = "business"

_LENGTH = Struct(">BI")
_ASSIGNED = Struct(">QQQ")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def pack(blobs: Mapping[str, bytes]) -> bytes | None:
    """Frames the blobs of a personal part: for each class in order its name's length, the blob's, name, blob."""
    if not blobs:
        return None
    frame = bytearray()
    for field_class in sorted(blobs):
        name, blob = field_class.encode(), blobs[field_class]
        frame += _LENGTH.pack(len(name), len(blob))
        frame += name
        frame += blob
    return bytes(frame)


def unpack(frame: bytes | None) -> dict[str, bytes]:
    """Gives back what `pack` framed."""
    blobs: dict[str, bytes] = {}
    at = 0
    while frame is not None and at < len(frame):
        name_length, blob_length = _LENGTH.unpack_from(frame, at)
        at += _LENGTH.size
        name = frame[at : at + name_length].decode()
        at += name_length
        blobs[name] = frame[at : at + blob_length]
        at += blob_length
    return blobs


def leaf_hash(
    position: int,
    version: int,
    recorded_at: datetime,
    *,
    originator_id: UUID,
    topic: str,
    header: bytes,
    business: bytes | None,
    personal: bytes | None,
    redacted: Collection[str] = (),
) -> bytes:
    """The RFC 6962 leaf of a stored event.

    SHA-256(0x00 ‖ position ‖ version ‖ recorded_at ‖ H(header part) ‖ H(business) ‖ H(personal)), the three assigned
    values as 8 bytes big-endian each, `recorded_at` in microseconds since 1970. The header part is the stream's id, the
    topic, a zero byte and the header's bytes, so that an event cannot be moved to another stream; H(personal) is the
    hash over (class, 0x00, SHA-256 of the blob) of the classes in order.
    """
    header_digest = sha256(originator_id.bytes + topic.encode() + b"\x00" + header).digest()
    business_digest = business if business is not None and BUSINESS in redacted else sha256(business or b"").digest()
    listed = b"".join(
        name.encode() + b"\x00" + (blob if name in redacted else sha256(blob).digest())
        for name, blob in unpack(personal).items()
    )
    assigned = _ASSIGNED.pack(position, version, (recorded_at - _EPOCH) // _MICROSECOND)
    return sha256(b"\x00" + assigned + header_digest + business_digest + sha256(listed).digest()).digest()
