"""Tracking plans and the configuration over HTTP: what `cdp plan` and `cdp config` can do."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from api.plan_answers import (
    described_change,
    described_effect,
    described_plan,
    described_step,
    difference,
    proposal,
)
from api.security import Refused, platform_of, refusals, require
from cdp.access import ServiceToken
from cdp.configuration.folder import source_of, source_tree
from cdp.configuration.state import Configuration, present, steps
from cdp.plans.document import PlanDocument, read_json
from cdp.plans.seen import LAST
from cdp.platform import Platform

router = APIRouter(tags=["plans"])

LARGEST_BODY = 4_000_000
MOST_SEEN = 100_000

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Activation(BaseModel):
    """Which version to put in force, and in which mode."""

    version: int | None = Field(default=None, description="the last version if left out")
    mode: str | None = Field(default=None, description="off, warn or block; the mode it was drafted for if left out")


class Mode(BaseModel):
    """What becomes of violations."""

    mode: str = Field(description="off, warn or block")


async def _body(request: Request) -> Any:
    """The request's JSON, its numbers exact; None where there is none."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST_BODY:
            raise Refused(413, "too_large", f"the body passes {LARGEST_BODY} bytes; send less at once")
    return read_json(data) if data.strip() else None


Plat = Annotated[Platform, Depends(platform_of)]
Body = Annotated[Any, Depends(_body)]
Reader = Annotated[ServiceToken, Depends(require("plans:read"))]
Writer = Annotated[ServiceToken, Depends(require("plans:write"))]
Last = Annotated[int, Query(ge=1, le=MOST_SEEN, description="how many of the source's last touchpoints to look at")]


def _json(content: Any, status: int = 200) -> Response:
    """An answer whose numbers are exact."""
    return Response(_encode(content), status_code=status, media_type="application/json")


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
    return _json({**described_plan(plan), "document": document})


@router.get("/plans/{source}/versions/{version}", responses=refusals(404))
def show_version(source: str, version: int, platform: Plat, token: Reader) -> Response:
    """What one version says."""
    return _json(platform.plans.document(source, version).tree())


@router.get("/plans/{source}/proposal", responses=refusals(404))
def propose_plan(source: str, platform: Plat, token: Reader, last: Last = LAST) -> Response:
    """A plan by which everything seen lately would pass, for people to review. Nothing is drafted."""
    found = proposal(platform, source, last)
    return _json({"document": found.document.tree(), "notes": found.notes})


@router.post("/plans/{source}/diff", responses=refusals(404, 422))
def diff_plan(source: str, document: Body, platform: Plat, token: Reader, last: Last = LAST) -> Response:
    """What the plan in the body, or without one the last version, would change: in the plan, and in the verdicts."""
    given = None if document is None else PlanDocument.of(document)
    changes, found, _ = difference(platform, source, given, last)
    return _json({"changes": [described_change(each) for each in changes], "effect": described_effect(found)})


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


@router.get("/config", dependencies=[Depends(require("sources:read"))])
def export_configuration(platform: Plat, token: Reader) -> Response:
    """Sources, never their keys, and the plans in force."""
    return _json(_configuration_tree(present(platform)))


@router.post("/config", dependencies=[Depends(require("sources:write"))], responses=refusals(422))
def apply_configuration(
    wanted: Body, platform: Plat, token: Writer, dry_run: Annotated[bool, Query(description="only say what")] = False
) -> dict[str, Any]:
    """Brings about what the body says and leaves alone what it does not name. Write keys of new sources are in this
    answer and nowhere else."""
    planned = steps(platform, _configuration(wanted))
    done = [] if dry_run else [(step, step.carry_out(token.name)) for step in planned]
    keys = {step.name: result.write_key for step, result in done if result.write_key is not None}
    return {"steps": [described_step(step) for step in planned], "applied": not dry_run, "write_keys": keys}


def _configuration_tree(configuration: Configuration) -> dict[str, Any]:
    return {
        "sources": {name: source_tree(setup) for name, setup in configuration.sources.items()},
        "plans": {name: document.tree() for name, document in configuration.plans.items()},
    }


def _configuration(tree: Any) -> Configuration:
    expected = "expected an object with sources and plans, as GET /api/config answers it"
    if not isinstance(tree, dict) or set(tree) - {"sources", "plans"}:
        raise Refused(422, "invalid", f"the body is no configuration; {expected}")
    sources, plans = tree.get("sources", {}), tree.get("plans", {})
    if not (isinstance(sources, dict) and isinstance(plans, dict) and all(map(_is_table, sources.values()))):
        raise Refused(422, "invalid", f"sources or plans is no object of objects; {expected}")
    return Configuration(
        {name: source_of(each) for name, each in sources.items()},
        {name: PlanDocument.of(each) for name, each in plans.items()},
    )


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)
