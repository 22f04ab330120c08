"""Sealed parts: the derivation of their keys, and what each key opens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from cdp.vault.sealing import SALT, SealBroken, derive, seal, unseal

keys = st.binary(min_size=32, max_size=32)
periods = st.lists(keys, max_size=4)
classes = st.text(st.characters(codec="utf-8"), max_size=20)

SUBJECT, PERIOD, OTHER = b"s" * 32, b"p" * 32, b"o" * 32

# fixed for ever: blobs like this one are stored
DERIVED = "2878da93e1f24399e201a22b9201da820c215a98e17d869f31846c5c9f95c96b"
STORED = "000102030405060708090a0bc7eb7afbcd9233a828f1aa39c62f27ad427805355c7fe921b5962fc405b682"


@given(keys, periods, classes)
def test_the_derivation_is_hkdf(subject: bytes, period: list[bytes], field_class: str) -> None:
    oracle = HKDF(SHA256(), 32, SALT, field_class.encode())
    assert derive(subject, period, field_class) == oracle.derive(subject + b"".join(period))


@given(keys, periods, classes, st.binary(max_size=200), st.binary(max_size=40))
def test_what_is_sealed_opens(
    subject: bytes, period: list[bytes], field_class: str, plaintext: bytes, bound: bytes
) -> None:
    blob = seal(subject, period, field_class, plaintext, bound)
    assert unseal(subject, period, field_class, blob, bound) == plaintext


def test_stored_blobs_still_open() -> None:
    blob = bytes.fromhex(STORED)
    assert derive(SUBJECT, [PERIOD], "contact").hex() == DERIVED
    assert unseal(SUBJECT, [PERIOD], "contact", blob, b"event") == b"ada@example.com"


@pytest.mark.parametrize(
    ("subject", "period", "field_class", "bound"),
    [
        (OTHER, [PERIOD], "contact", b"event"),
        (SUBJECT, [OTHER], "contact", b"event"),
        (SUBJECT, [PERIOD, OTHER], "contact", b"event"),
        (SUBJECT, [], "contact", b"event"),
        (SUBJECT, [PERIOD], "content", b"event"),
        (SUBJECT, [PERIOD], "contact", b"another"),
    ],
)
def test_nothing_else_opens_a_blob(subject: bytes, period: list[bytes], field_class: str, bound: bytes) -> None:
    blob = seal(SUBJECT, [PERIOD], "contact", b"text", b"event")
    with pytest.raises(SealBroken):
        unseal(subject, period, field_class, blob, bound)


@given(st.integers(0, 8 * (12 + 4 + 16) - 1))
def test_a_changed_bit_breaks_the_seal(bit: int) -> None:
    blob = bytearray(seal(SUBJECT, [PERIOD], "contact", b"text", b"event"))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        unseal(SUBJECT, [PERIOD], "contact", bytes(blob), b"event")


@pytest.mark.parametrize("blob", [b"", b"x", b"x" * 11, b"x" * 27])
def test_what_is_too_short_is_broken(blob: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(SUBJECT, [PERIOD], "contact", blob, b"event")


def test_a_key_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"short", [PERIOD], "contact", b"text", b"event")


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({seal(SUBJECT, [PERIOD], "contact", b"text", b"event") for _ in range(1_000)}) == 1_000


def test_one_key_serves_many_threads() -> None:
    def there_and_back(index: int) -> bool:
        text = index.to_bytes(4, "big") * 100
        return unseal(SUBJECT, [PERIOD], "raw", seal(SUBJECT, [PERIOD], "raw", text, b"e"), b"e") == text

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(2_000)))
