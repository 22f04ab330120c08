"""How the personal part of an event is encrypted: one sealed blob for each field class.

A blob's key comes from the subject's key and the keys of the periods that it falls under, so that destroying any of
them makes the blob unreadable, and no key opens a blob of another class. Blobs are stored for ever: this derivation
never changes, a new one would be a new function.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cdp.vault.mac import INNER, OUTER, Mac

SALT = b"cdp personal part v1"
KEY_BYTES = 32
NONCE_BYTES = 12
CIPHERS_KEPT = 65_536

_extract = Mac(SALT)
_INNER_END = b"\x36" * 32
_OUTER_END = b"\x5c" * 32


class SealBroken(Exception):
    """A blob does not open: another key or event, or changed bytes."""

    def __init__(self, field_class: str, size: int) -> None:
        super().__init__(
            f"a sealed part of class {field_class!r} ({size} bytes) does not open with the keys that its event names. "
            "Expected the unchanged bytes of that event; check the log, and that log and vault are of one backup."
        )


def seal(
    subject_key: bytes, period_keys: Sequence[bytes], field_class: str, plaintext: bytes, associated: bytes
) -> bytes:
    """The plaintext under AES-256-GCM: a random 96-bit nonce, then ciphertext and tag.

    `period_keys` has the key of the class's period; the class `raw` has those of all classes present, in the order of
    the classes' names. `associated` binds the blob to its event. The same keys must be given to open it.
    """
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(subject_key, tuple(period_keys), field_class).encrypt(nonce, plaintext, associated)


def unseal(
    subject_key: bytes, period_keys: Sequence[bytes], field_class: str, sealed: bytes, associated: bytes
) -> bytes:
    """The plaintext of a sealed blob."""
    cipher = _cipher(subject_key, tuple(period_keys), field_class)
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise SealBroken(field_class, len(sealed)) from None


def derive(subject_key: bytes, period_keys: Sequence[bytes], field_class: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) of the keys, each of 32 bytes, with the field class as info: one block of output."""
    if set(map(len, (subject_key, *period_keys))) != {KEY_BYTES}:
        raise ValueError(f"subject and period keys have {KEY_BYTES} bytes each")
    pseudorandom = _extract(subject_key + b"".join(period_keys))
    inner = sha256(pseudorandom.translate(INNER) + _INNER_END + field_class.encode() + b"\x01").digest()
    return sha256(pseudorandom.translate(OUTER) + _OUTER_END + inner).digest()


def forget() -> None:
    """Drops every derived cipher from memory, so that a destroyed key leaves nothing behind in this process."""
    _cipher.cache_clear()


@lru_cache(maxsize=CIPHERS_KEPT)
def _cipher(subject_key: bytes, period_keys: tuple[bytes, ...], field_class: str) -> AESGCM:
    return AESGCM(derive(subject_key, period_keys, field_class))
