"""Sealing the personal part of an event and opening it again, by the keys that the header names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from cdp.log.touchpoint import RAW, Keys, Tree
from cdp.vault.sealing import seal, unseal

SALT_BYTES = 16

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


def encode_salted(tree: Tree, salt: bytes) -> bytes:
    """A tree as a part stores it: 16 random bytes, then JSON, numbers written as they were sent."""
    return salt + _encode(tree)


def decode_salted(stored: bytes) -> Tree:
    """The tree of `encode_salted`; numbers with a fraction are `Decimal`, exact."""
    tree: Tree = _decoder.decode(memoryview(stored)[SALT_BYTES:])
    return tree


def new_salts(count: int) -> list[bytes]:
    """`count` salts of 16 random bytes."""
    random = os.urandom(SALT_BYTES * count)
    return [random[at : at + SALT_BYTES] for at in range(0, len(random), SALT_BYTES)]


def associated_data(event_id: str, keys: Keys) -> bytes:
    """What a blob is bound to: its event and the ids of the keys that open it."""
    periods = ",".join([f"{name}={key}" for name, key in sorted(keys.period.items())])
    return f"{event_id}|{keys.subject}|{periods}".encode()


def seal_blobs(
    plaintexts: Mapping[str, bytes],
    event_id: str,
    keys: Keys,
    subject_key: bytes,
    period_keys: Mapping[str, bytes],
) -> dict[str, bytes]:
    """One blob for each field class; `raw` is under the period keys of all classes present."""
    bound = associated_data(event_id, keys)
    return {
        name: seal(subject_key, _periods_of(name, period_keys), name, plaintext, bound)
        for name, plaintext in plaintexts.items()
    }


def unseal_blob(name: str, blob: bytes, bound: bytes, subject_key: bytes, period_keys: Mapping[str, bytes]) -> bytes:
    """The plaintext of one blob; `bound` is its `associated_data`."""
    return unseal(subject_key, _periods_of(name, period_keys), name, blob, bound)


def _periods_of(name: str, period_keys: Mapping[str, bytes]) -> Sequence[bytes]:
    if name != RAW:
        return (period_keys[name],)
    return [period_keys[each] for each in sorted(period_keys)]
