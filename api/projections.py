"""Projections over HTTP: how they stand, what they left out, and building one anew."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.projection_answers import ParkedEvents, ProjectionAnswer, parked_of, projection_of, projections_of
from api.security import platform_of, refusals, require
from cdp.platform import Platform
from projections.requests import REBUILD, RETRY, Request, UnknownProjection, ask_leader

REFUSALS = ((UnknownProjection, 404, "not_found"),)

router = APIRouter(tags=["projections"], responses=refusals(401, 403, 404))
Plat = Annotated[Platform, Depends(platform_of)]


@router.get("/projections", dependencies=[Depends(require("status:read"))])
def list_projections(platform: Plat) -> list[ProjectionAnswer]:
    """All projections: what is served, what is built, how far they are behind, how much they left out."""
    return projections_of(platform)


@router.get("/projections/{name}", dependencies=[Depends(require("status:read"))])
def show_projection(name: str, platform: Plat) -> ProjectionAnswer:
    """One projection."""
    return projection_of(platform, name)


@router.get("/projections/{name}/parked", dependencies=[Depends(require("status:read"))])
def list_parked(name: str, platform: Plat) -> ParkedEvents:
    """The events that a projection left out, by position, and the type of the error of each."""
    return parked_of(platform, name)


@router.post("/projections/{name}/rebuild", status_code=202, dependencies=[Depends(require("projections:write"))])
def rebuild(name: str, platform: Plat) -> ProjectionAnswer:
    """Has the projector build a projection anew, beside what is served, with those that require it."""
    ask_leader(platform.databases.read, Request(name, REBUILD))
    return projection_of(platform, name)


@router.post("/projections/{name}/retry", status_code=202, dependencies=[Depends(require("projections:write"))])
def retry(name: str, platform: Plat) -> ProjectionAnswer:
    """Has the projector take in what was parked, after the projection was mended."""
    ask_leader(platform.databases.read, Request(name, RETRY))
    return projection_of(platform, name)
