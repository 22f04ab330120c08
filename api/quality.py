"""Quality over HTTP: what each source sends, how complete, how late, and whether it fell silent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.quality_answers import QualityAnswer, SourceQualityAnswer, quality_of, source_quality_of
from api.security import platform_of, reading, refusals, require
from cdp.platform import Platform

router = APIRouter(
    tags=["quality"],
    dependencies=[Depends(require("quality:read"))],
    responses=refusals(401, 403, 422, 503),
)


@router.get("/quality")
def quality(platform: Annotated[Platform, Depends(platform_of)]) -> QualityAnswer:
    """All sources at a glance: volume, unknown events, flags, books, freshness, rhythm."""
    with reading(platform) as connection:
        return quality_of(platform, connection, datetime.now(UTC))


@router.get("/quality/sources/{name}", responses=refusals(404))
def source_quality(
    name: str,
    platform: Annotated[Platform, Depends(platform_of)],
    first: Annotated[date | None, Query(alias="from", description="the first day, included")] = None,
    last: Annotated[date | None, Query(alias="to", description="the last day, included")] = None,
) -> SourceQualityAnswer:
    """One source in full: the completeness of each event's fields, and its days."""
    with reading(platform) as connection:
        return source_quality_of(platform, connection, name, datetime.now(UTC), first, last)
