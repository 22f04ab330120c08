"""JSON whose numbers are exact, into the API and out of it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Request, Response

from api.security import Refused
from cdp.plans.document import read_json

LARGEST_BODY = 4_000_000

_encode = msgspec.json.Encoder(decimal_format="number").encode


async def _body(request: Request) -> Any:
    """The request's JSON; None where there is none."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST_BODY:
            raise Refused(413, "too_large", f"the body passes {LARGEST_BODY} bytes; send less at once")
    return read_json(data) if data.strip() else None


Body = Annotated[Any, Depends(_body)]


def exact_json(content: Any, status: int = 200) -> Response:
    """An answer of this content."""
    return Response(_encode(content), status_code=status, media_type="application/json")
