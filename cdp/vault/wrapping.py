"""A small secret encrypted under another key, and bound to the row that keeps it."""

from __future__ import annotations

import os
from struct import unpack

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12

IDENTIFIER = b"identifier"
IDENTIFIER_VALUE = b"identifier.value"
SUBJECT_KEY = b"subject_key"
PERIOD_KEY = b"period_key"


class WrappedKeyDamaged(Exception):
    """What the row keeps does not open with the key that it names: the row was changed, or the key file is another."""

    def __init__(self, place: bytes, number: int) -> None:
        super().__init__(
            f"{place.decode()} {number} does not open with the master key that its row names. "
            "Check that the vault database and the key file belong to the same backup."
        )


def wrap(key: AESGCM, place: bytes, number: int, secret: bytes) -> bytes:
    """The secret under AES-256-GCM, its random nonce in front, valid at this place (a table) and number only."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, secret, place + number.to_bytes(8, "big"))


def unwrap(key: AESGCM, place: bytes, number: int, wrapped: bytes) -> bytes:
    """The secret that was wrapped for this place and number."""
    try:
        return key.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place + number.to_bytes(8, "big"))
    except InvalidTag:
        raise WrappedKeyDamaged(place, number) from None


def fresh_keys(count: int) -> list[bytes]:
    """That many random AES-256 keys."""
    random = os.urandom(KEY_BYTES * count)
    return [random[at : at + KEY_BYTES] for at in range(0, len(random), KEY_BYTES)]


def fresh_numbers(count: int) -> list[int]:
    """That many random positive numbers of 63 bits."""
    return [(number >> 1) or 1 for number in unpack(f"{count}Q", os.urandom(8 * count))]
