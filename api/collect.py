"""The collection API: touchpoints come in by the common specification, and are answered once they are stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from api import answers, pixel, write_key
from api.bodies import Bodies, BodyTooLarge, BodyTooSlow, BodyUnreadable, Share, inflate, read_body
from api.metrics import REFUSED, REQUEST_SECONDS
from cdp.faults import described
from cdp.ingest.batcher import AWAY, Answers, Batcher, Unavailable
from cdp.ingest.delivery import CallType, Delivery, Receipt, new_delivery_id
from cdp.ingest.split import Split, split
from cdp.registry import Credential, Registry
from cdp.settings import Settings
from cdp.sources.connector import Connector
from cdp.sources.connectors import segment
from cdp.sources.rejection import Reason, Rejected, Stage

CALLS: dict[str, CallType] = {
    "identify": "identify",
    "track": "track",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
    "i": "identify",
    "t": "track",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}

Handler = Callable[["Collector", Request], Awaitable[Response]]

_logger = logging.getLogger(__name__)


class Divided(NamedTuple):
    """The bytes as which a delivery is kept, its items, and whether bad ones among them make the answer 400."""

    body: bytes
    split: Split | Rejected
    strict: bool


class Form(NamedTuple):
    """What an endpoint takes: whose format, which call if it says so itself, and how a body is divided into items.

    With `any_gzip` a body that looks like gzip is inflated though no header says so, as some SDKs send it.
    """

    connector: Connector
    call: CallType | None
    divide: Callable[[Request, bytes, int], Divided]
    any_gzip: bool = True


def specification(call: CallType | None) -> Form:
    """A call that comes alone, or a batch of calls, by the common specification."""

    def divide(request: Request, body: bytes, max_items: int) -> Divided:
        strict = call is not None or request.headers.get("x-strict-mode") == "1"
        return Divided(body, split(body, call is not None, max_items), strict)

    return Form(segment.CONNECTOR, call, divide)


Ticket = asyncio.Future[Receipt]

_OVERDUE = Unavailable("storing takes too long, and it is not known whether it will be stored", 5)


class Collector:
    """The door's routes and what stands behind them."""

    def __init__(self, settings: Settings, registry: Registry, batcher: Batcher[Ticket]) -> None:
        self._settings = settings
        self._registry = registry
        self._batcher = batcher
        self._bodies = Bodies(settings.bodies_bytes)
        self._patience = settings.lock_timeout + settings.transaction_timeout + 5

    async def receive(self, request: Request, form: Form) -> Response:
        """Takes a request in: authenticate, bound, divide, queue, and answer after the commit."""
        received_at = datetime.now(UTC)
        key = write_key.in_header(request)
        credential = await self._credential(key)
        if key and credential is None:
            return _unauthorized()
        try:
            with self._bodies.share() as share:
                body = await self._read(request, form, share)
                if credential is None:
                    credential = await self._credential(write_key.in_body(body, self._settings.max_items))
                if credential is None:
                    return _unauthorized()
                kept, found, strict = form.divide(request, body, self._settings.max_items)
        except BodyTooLarge as error:
            return await self._refuse(credential, received_at, form, error.kept, 413, Reason.TOO_LARGE, str(error))
        except BodyUnreadable as error:
            kept, message = error.kept, str(error)
            return await self._refuse(credential, received_at, form, kept, 400, Reason.MALFORMED_JSON, message)
        except BodyTooSlow as error:
            return answers.too_slow(str(error))
        return await self._take(
            Delivery(new_delivery_id(), credential, received_at, kept, form.call, found, form.connector), strict=strict
        )

    async def receive_query(self, request: Request, call: CallType) -> Response:
        """Takes in a call that came as a query string."""
        credential = await self._credential(write_key.in_header(request))
        if credential is None:
            return _unauthorized()
        kept, found = pixel.divide(request.scope["query_string"])
        delivery = Delivery(new_delivery_id(), credential, datetime.now(UTC), kept, call, found)
        return await self._take(delivery, strict=True)

    async def admits(self, write_key: str) -> bool:
        """Whether the write key is valid."""
        return await self._credential(write_key) is not None

    async def _read(self, request: Request, form: Form, share: Share) -> bytes:
        """The body, inflated."""
        settings = self._settings
        body = await read_body(request, share, settings.max_body_bytes, settings.body_timeout)
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if form.any_gzip or encoding == "gzip":
            return inflate(body, encoding, settings.max_inflated_bytes)
        return body

    async def _credential(self, write_key: str | None) -> Credential | None:
        if not write_key:
            return None
        asked_at = monotonic()
        found = self._registry.credential(write_key)
        if found is None:
            await asyncio.to_thread(self._registry.refresh, asked_at)
            found = self._registry.credential(write_key)
        return found

    async def _refuse(
        self,
        credential: Credential | None,
        received_at: datetime,
        form: Form,
        kept: bytes,
        status: int,
        reason: Reason,
        message: str,
    ) -> Response:
        """Keeps in quarantine what a known source sent in vain, and answers with `status`."""
        if credential is not None:
            rejected = Rejected(reason, f"{message}. Kept are the first {len(kept)} bytes as sent", Stage.SPLIT)
            delivery = Delivery(new_delivery_id(), credential, received_at, kept, form.call, rejected, form.connector)
            stored = await self._take(delivery, strict=True)
            if stored.status_code == 503:
                return stored
        return answers.failure(status, reason.value, message)

    async def _take(self, delivery: Delivery, *, strict: bool) -> Response:
        loop = asyncio.get_running_loop()
        answer: Ticket = loop.create_future()
        overdue = loop.call_later(self._patience, settle, [(answer, _OVERDUE)])
        try:
            self._batcher.submit(delivery, answer)
            receipt = await answer
        except Unavailable as error:
            return answers.failure(503, "unavailable", str(error), retry_after=error.retry_after)
        finally:
            overdue.cancel()
        return _answer(delivery, receipt, strict)


def settling(loop: asyncio.AbstractEventLoop) -> Callable[[Answers[Ticket]], None]:
    """What the batcher's threads call: it wakes all requests of a transaction at once."""

    def answer(answered: Answers[Ticket]) -> None:
        loop.call_soon_threadsafe(settle, answered)

    return answer


def settle(answered: Answers[Ticket]) -> None:
    """Wakes the requests that wait for these answers, on the loop that serves them."""
    for ticket, result in answered:
        if not ticket.done():  # its client may be gone
            if isinstance(result, Unavailable):
                ticket.set_exception(result)
            else:
                ticket.set_result(result)


def _answer(delivery: Delivery, receipt: Receipt, strict: bool) -> Response:
    """Bad items of a batch are in quarantine and do not spoil the answer, unless the sender asked to be told."""
    if isinstance(delivery.split, Rejected) or strict:
        rejections = receipt.rejections
        if rejections:
            return answers.rejected(rejections)
    return answers.success()


def _unauthorized() -> Response:
    message = "the write key is missing, unknown, ended, or of a disabled source; `cdp source show NAME` tells"
    return answers.failure(401, "invalid_write_key", message)


def handled(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Times a request and answers it whatever happens: 503 when a database is away before the queue, and 500, in the
    form that SDKs understand, for what nobody foresaw."""

    async def endpoint(request: Request) -> Response:
        collector: Collector = request.app.state.collector
        with REQUEST_SECONDS.time():
            try:
                response = await handler(collector, request)
            except AWAY as error:
                _logger.warning("a database is away: %s", described(error))
                response = answers.failure(503, "unavailable", "the database is away: send it again", retry_after=2)
            except Unavailable as error:
                response = answers.failure(503, "unavailable", str(error), retry_after=error.retry_after)
            except ClientDisconnect:
                response = answers.failure(400, "disconnected", "the request ended before its body did")
            except Exception as error:  # noqa: BLE001 - the outermost loop of a request
                _logger.error("a request failed: %s", described(error))
                message = "the platform failed on this request, an engineer must look at it: send it again later"
                response = answers.failure(500, Reason.INTERNAL_ERROR.value, message)
        if response.status_code != 200:
            REFUSED.labels(str(response.status_code)).inc()
        return response

    return endpoint


def _taking(call: CallType | None) -> Handler:
    form = specification(call)

    async def handler(collector: Collector, request: Request) -> Response:
        return await collector.receive(request, form)

    return handler


async def _browser_metrics(collector: Collector, request: Request) -> Response:
    """Browser SDKs report on themselves here; that is nobody's touchpoint."""
    return answers.success()


async def _browser_settings(collector: Collector, request: Request) -> Response:
    key = request.path_params["write_key"]
    if not await collector.admits(key):
        return _unauthorized()
    host = request.headers.get("host", "")
    content = {"integrations": {"Segment.io": {"apiKey": key, "apiHost": f"{host}/v1"}}}
    return Response(msgspec.json.encode(content), media_type="application/json", headers=answers.CORS)


def _pixel(call: CallType) -> Handler:
    async def handler(collector: Collector, request: Request) -> Response:
        return await collector.receive_query(request, call)

    return handler


async def _preflight(collector: Collector, request: Request) -> Response:
    return Response(status_code=204, headers=answers.CORS)


def routes() -> list[Route]:
    """The collection routes. They are plain ASGI routes: validation is ours, item by item."""
    batch = _taking(None)
    post: dict[str, Handler] = {"/v1/batch": batch, "/beacon/v1/batch": batch, "/v1/m": _browser_metrics}
    post |= {f"/v1/{path}": _taking(call) for path, call in CALLS.items()}
    get: dict[str, Handler] = {"/v1/projects/{write_key}/settings": _browser_settings}
    get |= {f"/pixel/v1/{call}": _pixel(call) for call in ("track", "page")}
    return [
        *(Route(path, handled(handler), methods=["POST"]) for path, handler in post.items()),
        *(Route(path, handled(handler), methods=["GET"]) for path, handler in get.items()),
        *(Route(path, handled(_preflight), methods=["OPTIONS"]) for path in (*post, *get)),
    ]
