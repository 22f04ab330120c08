"""The HTTP application: the collection door, the query API, health and metrics, in one process."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event, Lock, Thread

import psycopg
from eventsourcing.persistence import OperationalError
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.routing import Route

from api import (
    accounts,
    cloudevents,
    collect,
    configuration,
    health,
    identity,
    management,
    plans,
    profiles,
    projections,
    quality,
    quarantine,
    sales,
    sales_pyramids,
    sales_views,
    search,
)
from api.door import Door
from api.metrics import PlatformMetrics
from api.security import answer_with_problems
from cdp.configuration.state import InvalidConfiguration
from cdp.faults import described
from cdp.ingest.batcher import Batcher
from cdp.ingest.intake import Intake
from cdp.plans.document import InvalidPlan
from cdp.plans.plans import PlanChanged
from cdp.platform import Platform
from cdp.registry import Registry
from cdp.settings import Settings
from cdp.setup import InvalidSetup, NameTaken, NotSetUp

REFRESH_SECONDS = 0.5
"""How soon a rotated or disabled key is known to every worker."""

_REFUSALS = (
    (NameTaken, 409, "name_taken"),
    (NotSetUp, 404, "not_found"),
    (InvalidSetup, 422, "invalid"),
    (InvalidPlan, 422, "invalid"),
    (PlanChanged, 409, "changed"),
    (InvalidConfiguration, 422, "invalid"),
    *identity.REFUSALS,
    *projections.REFUSALS,
    *sales_pyramids.REFUSALS,
)

_logger = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; it opens the platform when it starts and closes it when it ends."""
    chosen = settings or Settings.from_environment(os.environ)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with Platform.open(chosen) as platform:
            loop = asyncio.get_running_loop()
            batcher: Batcher[collect.Ticket] = Batcher(
                chosen,
                lambda turn: _intake(platform, turn),
                collect.settling(loop),
            )
            app.state.platform = platform
            app.state.collector = collect.Collector(chosen, platform.registry, batcher)
            app.state.metrics = PlatformMetrics(platform, batcher)
            batcher.start()
            stop = _kept_fresh(platform.registry)
            try:
                yield
            finally:
                stop()
                batcher.close()

    app = FastAPI(
        title="Customer data platform",
        description="Touchpoints in by the collection API, profiles and sales out, every figure with its source.",
        version="1",
        lifespan=lifespan,
    )
    app.router.routes[:0] = _collecting()
    app.router.routes.extend(health.routes())
    knowing = (profiles, search, accounts, sales, sales_views, sales_pyramids, quality)
    for module in (*knowing, plans, identity, configuration, quarantine, management, projections):
        app.include_router(module.router, prefix="/api")
    answer_with_problems(app)
    app.add_exception_handler(psycopg.OperationalError, _away)
    app.add_exception_handler(OperationalError, _away)
    for error_class, status, code in _REFUSALS:
        app.add_exception_handler(error_class, _refusal(status, code))
    return app


def _collecting() -> list[Route]:
    return [*collect.routes(), *cloudevents.routes()]


def create_server() -> Door:
    """What a worker serves: the application behind the short way to its collection routes."""
    return Door(create_app(), _collecting())


def _intake(platform: Platform, turn: Lock) -> Intake:
    place = (platform.vault, platform.keyring, platform.log.touchpoints)
    return Intake(platform.settings, *place, platform.registry.plan, turn)


def _kept_fresh(registry: Registry) -> Callable[[], None]:
    """Reads the registry on from time to time; the answer ends it."""
    ended = Event()

    def run() -> None:
        while not ended.wait(REFRESH_SECONDS):
            try:
                registry.refresh()
            except Exception as error:  # noqa: BLE001 - the outermost loop: keys must go on being refreshed
                _logger.warning("the registry could not be read on: %s", described(error))

    thread = Thread(target=run, name="registry", daemon=True)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join()

    return stop


def _refusal(status: int, code: str) -> Callable[[Request, Exception], JSONResponse]:
    def answer(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"code": code, "message": str(error)}, status_code=status)

    return answer


async def _away(request: Request, error: Exception) -> JSONResponse:
    _logger.warning("a database is away: %s", described(error))
    content = {"code": "unavailable", "message": "a database is away: try again in a moment"}
    return JSONResponse(content, status_code=503, headers={"retry-after": "2"})
