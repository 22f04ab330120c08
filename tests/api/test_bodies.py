"""Bodies are read within their bounds of size, time and memory, and inflated as RFC 1952 says."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request

from api import bodies
from api.bodies import Bodies, BodyTooLarge, BodyTooSlow, BodyUnreadable, inflate, read_body
from cdp.ingest.batcher import Unavailable

SECONDS = 0.2
HANGS_SECONDS = 60
"""Whatever takes longer hangs; nothing is said of how long it may take."""


def request(receive: Callable[[], Awaitable[Any]]) -> Request:
    return Request({"type": "http", "headers": []}, receive)


def sent(*chunks: bytes) -> Request:
    """A request whose body comes in these parts."""
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return waiting.pop(0)

    return request(receive)


async def drip() -> Any:
    """A client that sends a byte from time to time, for ever."""
    await asyncio.sleep(SECONDS / 4)
    return {"type": "http.request", "body": b"x", "more_body": True}


def read(bodies: Bodies, asked: Request, limit: int = 1_000) -> bytes:
    async def whole() -> bytes:
        with bodies.share() as share:
            return await read_body(asked, share, limit, SECONDS)

    return asyncio.run(asyncio.wait_for(whole(), HANGS_SECONDS))


def test_a_body_that_drips_is_cut_off() -> None:
    bodies = Bodies(1_000)
    with pytest.raises(BodyTooSlow, match=r"0\.2 s"):
        read(bodies, request(drip))
    assert bodies.held == 0


def test_what_is_read_at_once_is_bounded_for_all_requests_together() -> None:
    bodies = Bodies(100)
    assert read(bodies, sent(b"x" * 400, b"y")) == b"x" * 400 + b"y"
    with bodies.share() as other:
        other.take(90)
        assert read(bodies, sent(b"x" * 10)) == b"x" * 10
        with pytest.raises(Unavailable) as full:
            read(bodies, sent(b"x" * 6, b"x" * 6))
        assert full.value.retry_after >= 1
    assert bodies.held == 0
    assert read(bodies, sent(b"x" * 12)) == b"x" * 12


def test_a_body_too_large_keeps_what_fits() -> None:
    with pytest.raises(BodyTooLarge) as large:
        read(Bodies(1_000), sent(b"x" * 40, b"y" * 40), limit=50)
    assert large.value.kept == b"x" * 40 + b"y" * 10


@pytest.mark.parametrize("size", [0, 1, 5_000, 200_000])
def test_members_of_gzip_are_joined(size: int) -> None:
    parts = [b"a" * size, b"", b"b" * size]
    assert inflate(b"".join(map(gzip.compress, parts)), "gzip", 400_000) == b"".join(parts)


def test_all_members_together_are_bounded() -> None:
    member = gzip.compress(b"x" * 60)
    assert inflate(member, None, 60) == b"x" * 60
    assert inflate(member * 2, None, 120) == b"x" * 120
    with pytest.raises(BodyTooLarge) as large:
        inflate(member * 2, None, 119)
    assert large.value.kept == member * 2
    with pytest.raises(BodyTooLarge):
        inflate(gzip.compress(b"[" * 50_000_000), None, 1_000)


@pytest.mark.parametrize("rest", [b"garbage", b"\x00", b"\x1f\x8b", gzip.compress(b"more", mtime=0)[:-1]])
def test_nothing_may_follow_the_last_member(rest: bytes) -> None:
    body = gzip.compress(b"{}", mtime=0) + rest
    with pytest.raises(BodyUnreadable) as unreadable:
        inflate(body, "gzip", 1_000)
    assert unreadable.value.kept == body


def test_of_a_great_many_empty_members_few_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = []
    right = bodies._member

    def counted(body: bytes, at: int, limit: int) -> tuple[list[bytes], int]:
        parts, end = right(body, at, limit)
        ends.append(end)
        return parts, end

    monkeypatch.setattr(bodies, "_member", counted)
    with pytest.raises(BodyUnreadable, match="members"):
        inflate(gzip.compress(b"", mtime=0) * 200_000, "gzip", 1_000)
    assert len(ends) == bodies._MOST_MEMBERS
