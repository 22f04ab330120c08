"""Reading a request's body: bounded as sent and once inflated, in time and in memory, whatever it claims to be."""

from __future__ import annotations

import asyncio
import zlib
from types import TracebackType

from starlette.requests import Request

from cdp.ingest.batcher import Unavailable

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_MOST_MEMBERS = 1_000
_STEP = 64 * 1024
"""Bytes given to zlib at a time: what follows the end of a member is copied, and a body may have many members."""


class BodyTooLarge(Exception):
    """The body passes a limit. `kept` is what was read before that."""

    def __init__(self, what: str, limit: int, kept: bytes) -> None:
        super().__init__(f"{what} passes {limit} bytes; send fewer or smaller items in one request")
        self.kept = kept


class BodyUnreadable(Exception):
    """The body says that it is gzip and is not."""

    def __init__(self, kept: bytes) -> None:
        super().__init__(
            f"the body cannot be inflated; expected complete gzip data of at most {_MOST_MEMBERS} members with nothing "
            "behind it, or no Content-Encoding"
        )
        self.kept = kept


class BodyTooSlow(Exception):
    """The body did not arrive in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the body took longer than {seconds:g} s; nothing is stored: send it again, or less at once")


class Bodies:
    """How many bytes of bodies one process may hold while it reads them; a single body may always be read."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def share(self) -> Share:
        """The part of one request, given back at the end of the block."""
        return Share(self)


class Share:
    """What one request holds."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._size = 0

    def take(self, size: int) -> None:
        """Counts bytes that were read. Raises `Unavailable` when all requests together hold too many."""
        if self._bodies.held > self._size and self._bodies.held + size > self._bodies.limit:
            raise Unavailable("too much is being read, this was not stored", 1)
        self._bodies.held += size
        self._size += size

    def __enter__(self) -> Share:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bodies.held -= self._size
        self._size = 0


async def read_body(request: Request, share: Share, limit: int, seconds: float) -> bytes:
    """The body as sent, at most `limit` bytes. Raises `BodyTooLarge`, `BodyTooSlow` and `Unavailable`."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                share.take(len(chunk))
                size += len(chunk)
                if size > limit:
                    chunks.append(chunk[: limit - size])
                    raise BodyTooLarge("the body", limit, b"".join(chunks))
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTooSlow(seconds) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def inflate(body: bytes, encoding: str | None, limit: int) -> bytes:
    """The body, inflated if it is gzip, at most `limit` bytes. Raises `BodyTooLarge` and `BodyUnreadable`."""
    if not body.startswith(_GZIP):
        if encoding == "gzip" and body:
            raise BodyUnreadable(body)
        return body
    parts: list[bytes] = []
    at = size = members = 0
    while at < len(body):
        members += 1
        if members > _MOST_MEMBERS:
            raise BodyUnreadable(body)
        found, at = _member(body, at, limit - size)
        parts += found
        size += sum(map(len, found))
        if size > limit:
            raise BodyTooLarge("the inflated body", limit, body)
    return b"".join(parts)


def _member(body: bytes, at: int, limit: int) -> tuple[list[bytes], int]:
    """One member of a gzip file (RFC 1952, section 2.2), read until its end or past `limit`, and where it ends."""
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    parts: list[bytes] = []
    size = 0
    try:
        while size <= limit and not inflater.eof and at < len(body):
            step = body[at : at + _STEP]
            parts.append(inflater.decompress(step, limit - size + 1))
            size += len(parts[-1])
            at += len(step) - len(inflater.unused_data)
    except zlib.error:
        raise BodyUnreadable(body) from None
    if size <= limit and not inflater.eof:
        raise BodyUnreadable(body)
    return parts, at
