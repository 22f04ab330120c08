"""Sources, service tokens and the state of the platform over HTTP: what the command line can do."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from api.descriptions import described_source, described_status, described_token
from api.security import Refused, require
from cdp.access import ServiceToken
from cdp.platform import Platform
from cdp.setup import GRACE

router = APIRouter(tags=["management"])


class NewSource(BaseModel):
    """A source to set up."""

    name: str
    channel: str
    brand: str | None = None
    trust: str = "server"
    namespaces: dict[str, str] = Field(default_factory=dict, description="identifier type → namespace")


class Rotation(BaseModel):
    """For how many seconds the old write key stays valid."""

    grace_seconds: float = Field(default=GRACE.total_seconds(), ge=0)


class NewToken(BaseModel):
    """A service token to make."""

    name: str
    scopes: list[str]


def _platform(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


Plat = Annotated[Platform, Depends(_platform)]


@router.get("/sources")
def list_sources(
    platform: Plat, token: Annotated[ServiceToken, Depends(require("sources:read"))]
) -> list[dict[str, Any]]:
    """All sources, by name."""
    platform.registry.refresh()
    return [described_source(source) for source in platform.registry.sources()]


@router.get("/sources/{name}")
def show_source(
    name: str, platform: Plat, token: Annotated[ServiceToken, Depends(require("sources:read"))]
) -> dict[str, Any]:
    """One source with its write keys, by their ids."""
    return described_source(platform.sources.get(name))


@router.post("/sources", status_code=201)
def add_source(
    new: NewSource, platform: Plat, token: Annotated[ServiceToken, Depends(require("sources:write"))]
) -> dict[str, str]:
    """Sets up a source; its write key is in this answer and nowhere else."""
    key = platform.sources.add(**new.model_dump(), actor=token.name)
    return {"name": new.name, "write_key": key}


@router.post("/sources/{name}/rotate-key")
def rotate_key(
    name: str, rotation: Rotation, platform: Plat, token: Annotated[ServiceToken, Depends(require("sources:write"))]
) -> dict[str, str]:
    """A new write key, in this answer and nowhere else; the old one ends after the grace."""
    grace = timedelta(seconds=rotation.grace_seconds)
    return {"name": name, "write_key": platform.sources.rotate_key(name, actor=token.name, grace=grace)}


@router.post("/sources/{name}/disable", status_code=204)
def disable_source(
    name: str, platform: Plat, token: Annotated[ServiceToken, Depends(require("sources:write"))]
) -> None:
    """Refuses the source's write keys from now on; what it delivered stays."""
    platform.sources.disable(name, actor=token.name)


@router.get("/tokens")
def list_tokens(
    platform: Plat, token: Annotated[ServiceToken, Depends(require("tokens:write"))]
) -> list[dict[str, Any]]:
    """All service tokens, by name, never their secrets."""
    platform.registry.refresh()
    return [described_token(each) for each in platform.registry.tokens()]


@router.post("/tokens", status_code=201)
def create_token(
    new: NewToken, platform: Plat, token: Annotated[ServiceToken, Depends(require("tokens:write"))]
) -> dict[str, str]:
    """Makes a token; it is in this answer and nowhere else. It cannot have scopes that its maker lacks."""
    beyond = set(new.scopes) - set(token.scopes)
    if beyond:
        message = f"token {token.name!r} lacks {', '.join(sorted(beyond))} and cannot give what it has not"
        raise Refused(403, "forbidden", message)
    return {"name": new.name, "token": platform.tokens.create(new.name, scopes=new.scopes, actor=token.name)}


@router.post("/tokens/{name}/revoke", status_code=204)
def revoke_token(name: str, platform: Plat, token: Annotated[ServiceToken, Depends(require("tokens:write"))]) -> None:
    """Refuses the token from now on."""
    platform.tokens.revoke(name, actor=token.name)


@router.get("/status")
def status(platform: Plat, token: Annotated[ServiceToken, Depends(require("status:read"))]) -> dict[str, Any]:
    """What every source delivered and what became of it, the log's head, and how far projections are behind."""
    return described_status(platform)
