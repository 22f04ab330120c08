"""Tracking plans over HTTP: what `cdp plan` can do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from api.exact import Body, exact_json
from api.plan_answers import (
    described_change,
    described_effect,
    described_plan,
    difference,
    proposal,
)
from api.security import platform_of, refusals, require
from cdp.access import ServiceToken
from cdp.plans.document import PlanDocument
from cdp.plans.seen import LAST
from cdp.platform import Platform

router = APIRouter(tags=["plans"])

MOST_SEEN = 100_000


class Activation(BaseModel):
    """Which version to put in force, and in which mode."""

    version: int | None = Field(default=None, description="the last version if left out")
    mode: str | None = Field(default=None, description="off, warn or block; the mode it was drafted for if left out")


class Mode(BaseModel):
    """What becomes of violations."""

    mode: str = Field(description="off, warn or block")


Plat = Annotated[Platform, Depends(platform_of)]
Reader = Annotated[ServiceToken, Depends(require("plans:read"))]
Writer = Annotated[ServiceToken, Depends(require("plans:write"))]
Last = Annotated[int, Query(ge=1, le=MOST_SEEN, description="how many of the source's last touchpoints to look at")]


@router.get("/plans")
def list_plans(platform: Plat, token: Reader) -> list[dict[str, Any]]:
    """All plans with their versions, by source."""
    platform.registry.refresh()
    return [described_plan(plan) for plan in platform.registry.tracking_plans()]


@router.get("/plans/{source}", responses=refusals(404))
def show_plan(source: str, platform: Plat, token: Reader) -> Response:
    """A source's plan: its versions, and the document in force."""
    plan = platform.plans.get(source)
    document = None if plan.active is None else platform.plans.document(source).tree()
    return exact_json({**described_plan(plan), "document": document})


@router.get("/plans/{source}/versions/{version}", responses=refusals(404))
def show_version(source: str, version: int, platform: Plat, token: Reader) -> Response:
    """What one version says."""
    return exact_json(platform.plans.document(source, version).tree())


@router.get("/plans/{source}/proposal", responses=refusals(404))
def propose_plan(source: str, platform: Plat, token: Reader, last: Last = LAST) -> Response:
    """A plan by which everything seen lately would pass, for people to review. Nothing is drafted."""
    found = proposal(platform, source, last)
    return exact_json({"document": found.document.tree(), "notes": found.notes})


@router.post("/plans/{source}/diff", responses=refusals(404, 422))
def diff_plan(source: str, document: Body, platform: Plat, token: Reader, last: Last = LAST) -> Response:
    """What the plan in the body, or without one the last version, would change: in the plan, and in the verdicts."""
    given = None if document is None else PlanDocument.of(document)
    changes, found, _ = difference(platform, source, given, last)
    return exact_json({"changes": [described_change(each) for each in changes], "effect": described_effect(found)})


@router.post("/plans/{source}/versions", status_code=201, responses=refusals(404, 422))
def draft_plan(source: str, document: Body, platform: Plat, token: Writer) -> dict[str, Any]:
    """Writes a version down. Nothing is judged by it before it is activated."""
    drafted = platform.plans.draft(source, PlanDocument.of(document), actor=token.name)
    return {"source": source, "version": drafted.number, "new": drafted.new}


@router.post("/plans/{source}/activate", responses=refusals(404, 422))
def activate_plan(source: str, chosen: Activation, platform: Plat, token: Writer) -> dict[str, Any]:
    """Puts a version in force; an older one may come back."""
    active = platform.plans.activate(source, chosen.version, mode=chosen.mode, actor=token.name)
    return {"source": source, "active": active.number, "mode": active.mode}


@router.post("/plans/{source}/mode", responses=refusals(404, 422))
def set_mode(source: str, chosen: Mode, platform: Plat, token: Writer) -> dict[str, Any]:
    """Changes what becomes of violations."""
    active = platform.plans.set_mode(source, chosen.mode, actor=token.name)
    return {"source": source, "active": active.number, "mode": active.mode}
