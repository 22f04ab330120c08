"""CloudEvents over HTTP: `POST /v1/events` in binary, structured and batched content mode."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import answers, write_key
from api.collect import Collector, Divided, Form, handled
from cdp.ingest.cloudevents import PREFIX, divide
from cdp.sources.connectors import cloudevents

PATH = "/v1/events"


def _divided(request: Request, body: bytes, max_items: int) -> Divided:
    found = divide(request.headers.items(), body, max_items)
    return Divided(found.body, found.split, found.single or request.headers.get("x-strict-mode") == "1")


FORM = Form(cloudevents.CONNECTOR, None, _divided, any_gzip=False)


async def _events(collector: Collector, request: Request) -> Response:
    return await collector.receive(request, FORM)


async def _preflight(collector: Collector, request: Request) -> Response:
    """Answers a browser, and the handshake of CloudEvents' "HTTP 1.1 Web Hooks", section 4, given a valid write key."""
    asked = request.headers.get("access-control-request-headers", "").split(",")
    own = [name.strip() for name in asked if name.strip().lower().startswith(PREFIX)]
    allowed = ", ".join([answers.CORS["access-control-allow-headers"], *own])
    headers = {**answers.CORS, "allow": "POST", "access-control-allow-headers": allowed}
    origin = request.headers.get("webhook-request-origin")
    key = write_key.in_header(request)
    if origin is not None and key is not None and await collector.admits(key):
        headers |= {"webhook-allowed-origin": origin, "webhook-allowed-rate": "*"}
    return Response(status_code=204, headers=headers)


def routes() -> list[Route]:
    """The route, and what is asked before it is used."""
    return [
        Route(PATH, handled(_events), methods=["POST"]),
        Route(PATH, handled(_preflight), methods=["OPTIONS"]),
    ]
