"""Whether the process lives, whether it can take touchpoints in, and what it measures."""

from __future__ import annotations

import asyncio

import psycopg
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import metrics
from cdp.platform import Platform

PATIENCE_SECONDS = 0.4
"""How long a database may take to answer; probes of orchestrators give a second to all."""


def routes() -> list[Route]:
    """`/healthz`, `/readyz` and `/metrics`."""
    return [
        Route("/healthz", _live, methods=["GET"]),
        Route("/readyz", _ready, methods=["GET"]),
        Route("/metrics", _metrics, methods=["GET"]),
    ]


async def _live(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _ready(request: Request) -> Response:
    away = await asyncio.to_thread(_away, request.app.state.platform)
    if away:
        message = f"not reachable: {', '.join(away)}; start the server or correct its URL"
        return JSONResponse({"code": "unavailable", "message": message}, status_code=503, headers={"retry-after": "2"})
    return JSONResponse({"status": "ready"})


def _away(platform: Platform) -> list[str]:
    """The names of the databases without which no touchpoint can be stored, as far as they do not answer."""
    away = []
    for name, pool in (("log", platform.databases.log), ("vault", platform.databases.vault)):
        try:
            with pool.connection(timeout=PATIENCE_SECONDS) as connection:
                connection.execute("select 1")
        except psycopg.OperationalError:
            away.append(name)
    return away


async def _metrics(request: Request) -> Response:
    return Response(await asyncio.to_thread(_exposition, request), media_type=CONTENT_TYPE_LATEST)


def _exposition(request: Request) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    for collector in (metrics.REQUEST_SECONDS, metrics.REFUSED, request.app.state.metrics):
        registry.register(collector)
    return generate_latest(registry)
