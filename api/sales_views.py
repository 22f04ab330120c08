"""Views of sales that are more than sums: cohorts, RFM, value pyramid, affinity, the effect of a promotion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request, Response

from api.exact import Body, exact_json
from api.sales import invalid_refused
from api.sales_answers import named, plain
from api.sales_grammar import read_question
from api.security import Refused, platform_of, reading, refusals, require
from cdp.platform import Platform
from projections.sales.question import PREVIOUS, Question
from projections.sales.views.affinity import Asked, Companion, read_affinity
from projections.sales.views.cohorts import Cohort, read_cohorts
from projections.sales.views.effect import Stage, read_effect
from projections.sales.views.pyramid import Definition, InvalidDefinition, Tier, read_pyramid
from projections.sales.views.rfm import Segment, read_rfm

router = APIRouter(
    tags=["sales"], dependencies=[Depends(require("sales:read"))], responses=refusals(401, 403, 422, 503)
)

Served = Annotated[Platform, Depends(platform_of)]
First = Annotated[date | None, Query(alias="from", description="the first day, included")]
Last = Annotated[date | None, Query(alias="to", description="the last day, included; today if left out")]


@router.get("/sales/cohorts", response_model=None)
def cohorts(
    platform: Served,
    period: Literal["week", "month", "quarter", "year"] = "month",
    first: First = None,
    last: Last = None,
) -> Response:
    """Customers by when they first bought: how many came back in each period since, and what they spent."""
    with reading(platform) as connection:
        found = read_cohorts(connection, period, first, last or today(platform))
    return exact_json({"period": period, "cohorts": [_cohort(each) for each in found]})


@router.get("/sales/rfm", response_model=None)
def rfm(platform: Served, currency: str | None = None, first: First = None, last: Last = None) -> Response:
    """Customers in quintiles of recency, frequency and money; those who bought in one currency."""
    day = last or today(platform)
    with reading(platform) as connection:
        found = read_rfm(connection, currency or platform.settings.currency, first, day)
    return exact_json(
        {
            "currency": currency or platform.settings.currency,
            "as_of": day,
            "segments": [_segment(each) for each in found],
        }
    )


@router.get("/sales/affinity", response_model=None)
def affinity(
    platform: Served,
    item: str,
    kind: Literal["product", "category", "product_brand", "department"] = "product",
    first: First = None,
    last: Last = None,
    customer: Literal["new", "returning", "unknown"] | None = None,
    channel: str | None = None,
    least: Annotated[int, Query(ge=1, description="pairs in fewer orders are left out")] = 5,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 20,
) -> Response:
    """What is bought in the same orders as an item: support, confidence, lift, and how popular it is anyway."""

    with reading(platform) as connection:
        found = read_affinity(connection, Asked(kind, item, first, last, customer, channel, least, limit))
    return exact_json({"item": item, "kind": kind, "companions": [_companion(each) for each in found]})


@router.post("/sales/pyramid", response_model=None)
def pyramid(
    platform: Served,
    body: Body,
    by: Literal["channel", "source", "brand", "store", "campaign"] | None = None,
    first: First = None,
    last: Last = None,
) -> Response:
    """Customers in tiers by a score: the body has `coefficients` of metrics, `tiers` with thresholds, a `currency`.

    The answer names the version of the definition: the hash of what it says.
    """
    try:
        definition = Definition.of(body)
    except InvalidDefinition as error:
        raise Refused(422, "invalid", str(error)) from error
    day = last or today(platform)
    with reading(platform) as connection:
        found = read_pyramid(connection, definition, by, first, day)
    return exact_json(
        {
            "version": definition.version,
            "currency": definition.currency,
            "coefficients": {name: _exact(each) for name, each in definition.coefficients.items()},
            "thresholds": {name: _exact(each) for name, each in definition.tiers},
            "as_of": day,
            "by": by,
            "tiers": [_tier(platform, by, each) for each in found],
        }
    )


@router.get("/sales/effect", response_model=None)
def effect(request: Request, platform: Served) -> Response:
    """Before, during and after `from` … `to`, for an average day: one of `measures`, filters, `convert`, `compare`.

    `compare` names the baseline: `previous` (otherwise) or `year`.
    """
    with invalid_refused():
        asked = read_question(platform, request.query_params.multi_items())
        baseline = asked.compare or PREVIOUS
        with reading(platform) as connection:
            found = read_effect(connection, asked.question, ZoneInfo(platform.settings.timezone), baseline)
    return exact_json({"baseline": baseline, "stages": [_stage(platform, asked.question, each) for each in found]})


def today(platform: Platform) -> date:
    """The present day of the shop."""
    return datetime.now(ZoneInfo(platform.settings.timezone)).date()


def _cohort(cohort: Cohort) -> dict[str, Any]:
    return {
        "begins": cohort.begins,
        "customers": cohort.customers,
        "cells": [
            {
                "period": cell.period,
                "customers": cell.customers,
                "retention": _exact(cell.retention),
                "gross": None if cell.gross is None else {code: _exact(each) for code, each in cell.gross.items()},
            }
            for cell in cohort.cells
        ],
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {**segment._asdict(), "net": _exact(segment.net)}


def _tier(platform: Platform, by: str | None, tier: Tier) -> dict[str, Any]:
    shown = {name: _exact(each) if isinstance(each, Decimal) else each for name, each in tier._asdict().items()}
    cut = shown.pop("cut")
    if by is None:
        return shown
    return {**shown, by: named(platform, UUID(cut)) if by == "source" and cut else cut}


def _companion(found: Companion) -> dict[str, Any]:
    return {name: _exact(each) if isinstance(each, Decimal) else each for name, each in found._asdict().items()}


def _stage(platform: Platform, question: Question, stage: Stage) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "from": stage.period.first,
        "to": stage.period.last,
        **_key(platform, question.keys, stage.key),
        "figure": _exact(stage.figure),
        "per_day": _exact(stage.per_day),
        "change": _exact(stage.change),
    }


def _key(platform: Platform, names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {
        name: named(platform, value) if name == "source" else plain(value)
        for name, value in zip(names, values, strict=True)
    }


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
