"""What the HTTP door answers: the forms that the official SDKs understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from starlette.responses import Response

from cdp.sources.rejection import Reason, Rejected, Stage

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "Authorization, Content-Type, Content-Encoding, X-Retry-Count, X-Strict-Mode",
    "access-control-max-age": "86400",
}
_SUCCESS = Response(b'{"success": true}', media_type="application/json", headers=CORS)


def success() -> Response:
    """Exactly 200 and this body: with any other 2xx some SDKs send the same batch again."""
    return _SUCCESS


def failure(status: int, code: str, message: str, *, retry_after: int | None = None, **more: object) -> Response:
    """An error with `code` and `message`, without which one SDK crashes and retries for ever."""
    headers: Mapping[str, str] = CORS if retry_after is None else {**CORS, "retry-after": str(retry_after)}
    content = msgspec.json.encode({"code": code, "message": message, **more})
    return Response(content, status_code=status, media_type="application/json", headers=headers)


def too_slow(message: str) -> Response:
    """408, and the connection ends: the rest of the body is not waited for."""
    response = failure(408, "too_slow", message)
    response.headers["connection"] = "close"
    return response


def rejected(rejections: Sequence[tuple[int, Rejected]]) -> Response:
    """400 with the reason of every item that went to quarantine; 415 where the whole is in a format not read here."""
    first = rejections[0][1]
    unread = first.reason is Reason.UNKNOWN_FORMAT and first.stage is Stage.SPLIT
    errors = [{"item": at, "code": each.reason.value, "message": each.detail} for at, each in rejections]
    message = f"{first.detail}; it is kept in quarantine"
    return failure(415 if unread else 400, first.reason.value, message, errors=errors)
