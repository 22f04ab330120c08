"""Reading a request's body: bounded as sent and once inflated, whatever it claims to be."""

from __future__ import annotations

import zlib

from starlette.requests import Request

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31


class BodyTooLarge(Exception):
    """The body passes a limit. `kept` is what was read before that."""

    def __init__(self, what: str, limit: int, kept: bytes) -> None:
        super().__init__(f"{what} passes {limit} bytes; send fewer or smaller items in one request")
        self.kept = kept


class BodyUnreadable(Exception):
    """The body says that it is gzip and is not."""

    def __init__(self, kept: bytes) -> None:
        super().__init__("the body cannot be inflated; expected complete gzip data, or no Content-Encoding")
        self.kept = kept


async def read_body(request: Request, limit: int) -> bytes:
    """The body as sent, at most `limit` bytes. Raises `BodyTooLarge`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            chunks.append(chunk[: limit - size])
            raise BodyTooLarge("the body", limit, b"".join(chunks))
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def inflate(body: bytes, encoding: str | None, limit: int) -> bytes:
    """The body, inflated if it is gzip, at most `limit` bytes. Raises `BodyTooLarge` and `BodyUnreadable`."""
    if not body.startswith(_GZIP):
        if encoding == "gzip" and body:
            raise BodyUnreadable(body)
        return body
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise BodyUnreadable(body) from None
    if len(inflated) > limit:
        raise BodyTooLarge("the inflated body", limit, body)
    if not inflater.eof:
        raise BodyUnreadable(body)
    return inflated
