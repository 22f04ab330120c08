"""Rules of identity and of survivorship over HTTP: versions, what is in force, and what a change would change."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.exact import Body
from api.identity_answers import described_rules, rules_difference
from api.security import platform_of, refusals, require
from cdp.access import ServiceToken
from cdp.platform import Platform
from cdp.policy.form import FORMS

Plat = Annotated[Platform, Depends(platform_of)]
Reader = Annotated[ServiceToken, Depends(require("identity:read"))]
Writer = Annotated[ServiceToken, Depends(require("identity:write"))]


class Draft(BaseModel):
    """Rules to write down, and why."""

    rules: dict[str, Any] = Field(description="only what differs from the built-in rules needs to be said")
    reason: str = ""


class Activation(BaseModel):
    """Which version to put in force, and why."""

    version: int | None = Field(default=None, description="the last one if left out; 0 for the built-in rules")
    reason: str = ""


def rules_router(kind: str) -> APIRouter:
    """The routes of one kind of rules."""
    router, form = APIRouter(prefix=f"/{kind}/rules", tags=[kind]), FORMS[kind]

    @router.get("")
    def list_versions(platform: Plat, token: Reader) -> dict[str, Any]:
        """The versions, who drafted and activated which when and why, and the rules in force."""
        return {**described_rules(platform, kind), "rules": form.tree(platform.rule_books.rules(kind))}

    @router.get("/versions/{version}", responses=refusals(404))
    def show_version(version: int, platform: Plat, token: Reader) -> dict[str, Any]:
        """What one version says; 0 are the built-in rules."""
        return {"version": version, "rules": form.tree(platform.rule_books.rules(kind, version))}

    @router.post("/versions", status_code=201, responses=refusals(409, 422))
    def draft_version(draft: Draft, platform: Plat, token: Writer) -> dict[str, Any]:
        """Writes a version down. Nothing follows from it before it is activated."""
        found = platform.rule_books.draft(kind, form.of(draft.rules), actor=token.name, reason=draft.reason)
        return {"kind": kind, "version": found.number, "new": found.new}

    @router.post("/activate", responses=refusals(404, 409, 422))
    def activate_version(chosen: Activation, platform: Plat, token: Writer) -> dict[str, Any]:
        """Puts a version in force; an older one may come back."""
        found = platform.rule_books.activate(kind, chosen.version, actor=token.name, reason=chosen.reason)
        return {"kind": kind, "active": found.number, "new": found.new}

    @router.post("/diff", responses=refusals(404, 422))
    def diff(rules: Body, platform: Plat, token: Reader) -> list[dict[str, Any]]:
        """What the rules in the body, or without one the last version, would change against those in force."""
        given = None if rules is None else form.of(rules)
        return [each._asdict() for each in rules_difference(platform, kind, given)]

    return router
