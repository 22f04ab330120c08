"""The keyed hash and its framing."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from cdp.vault.mac import Mac, framed

parts = st.lists(st.binary(max_size=12), max_size=14)


@given(st.binary(max_size=150), st.binary(max_size=300))
def test_is_hmac_sha256(key: bytes, message: bytes) -> None:
    assert Mac(key)(message) == hmac.digest(key, message, "sha256")


@given(parts, parts)
def test_only_equal_parts_have_the_same_frame(left: list[bytes], right: list[bytes]) -> None:
    assert (framed(left) == framed(right)) == (left == right)


@given(parts, st.integers(0, 14), st.integers(0, 12))
def test_moving_a_boundary_changes_the_frame(some: list[bytes], at: int, size: int) -> None:
    whole = b"".join(some)
    resplit = [whole[: at * size], whole[at * size :]]
    assert (framed(some) == framed(resplit)) == (some == resplit)
