"""Views of sales over HTTP: cohorts, RFM, value pyramid, affinity, the effect of a promotion; as JSON and as files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.exact import exact_json
from api.sales import invalid_refused
from api.sales_formats import as_file
from api.sales_grammar import read_format
from api.sales_reasons import reasons_sheet
from api.sales_sheets import sheet_json
from api.sales_view_answers import affinity_sheet, cohorts_sheet, effect_sheet, pyramid_sheet, rfm_sheet
from api.security import platform_of, reading, refusals, require
from cdp.platform import Platform

router = APIRouter(
    tags=["sales"], dependencies=[Depends(require("sales:read"))], responses=refusals(401, 403, 422, 503)
)

Served = Annotated[Platform, Depends(platform_of)]

VIEWS = {
    "cohorts": cohorts_sheet,
    "rfm": rfm_sheet,
    "pyramid": pyramid_sheet,
    "affinity": affinity_sheet,
    "effect": effect_sheet,
    "reasons": reasons_sheet,
}


@router.get("/sales/cohorts", response_model=None)
def cohorts(request: Request, platform: Served) -> Response:
    """Customers by when they first bought: how many came back in each period since, and what they spent.

    `period` is week, month, quarter or year; `from` the first cohort, `to` the day to look from; `measures` beside
    customers, filters, `convert`, `format` as in questions.
    """
    return _answered(request, platform, "cohorts")


@router.get("/sales/rfm", response_model=None)
def rfm(request: Request, platform: Served) -> Response:
    """Customers in quintiles of recency, frequency and money, 5 the best, with what they bought `from` … `to`.

    They are scored by what they did up to `as_of` (else `to`, else today), `since` a day, in the currency `scored_in`
    (else the one filtered by, else the shop's). `by` other dimensions, such as rfm_segment,channel.
    """
    return _answered(request, platform, "rfm")


@router.get("/sales/affinity", response_model=None)
def affinity(request: Request, platform: Served) -> Response:
    """What is bought in the same orders: support, confidence, lift, and how popular it is anyway.

    `item` for what goes with it, without one all pairs; `kind` is product, category, product_brand or department; `by`
    a segment such as customer, channel, rfm_segment; `least` orders that a pair must stand in; filters, `limit`.
    """
    return _answered(request, platform, "affinity")


@router.get("/sales/pyramid", response_model=None)
def pyramid(request: Request, platform: Served) -> Response:
    """Customers in tiers by the `pyramid` NAME@VERSION (the version in force of `value`), cut `by` any dimension.

    They are judged by what they did up to `as_of` (else `to`, else today), `since` a day. Every row names the version.
    """
    return _answered(request, platform, "pyramid")


@router.get("/sales/effect", response_model=None)
def effect(request: Request, platform: Served) -> Response:
    """Before, during and after `from` … `to`, for an average day: one of `measures`, filters, `convert`, `compare`.

    `compare` names the baseline: `previous` (otherwise) or `year`.
    """
    return _answered(request, platform, "effect")


@router.get("/sales/reasons", response_model=None)
def reasons(request: Request, platform: Served) -> Response:
    """Returns, refunds and cancellations by reason, `by` other dimensions, with their rates of all orders."""
    return _answered(request, platform, "reasons")


def _answered(request: Request, platform: Platform, view: str) -> Response:
    given = request.query_params.multi_items()
    with invalid_refused():
        kind = read_format(given)
        with reading(platform) as connection:
            sheet = VIEWS[view](platform, connection, given)
    if kind == "json":
        return exact_json(sheet_json(sheet))
    file = as_file(sheet, kind)
    disposition = f'attachment; filename="{file.name}"'
    return Response(file.content, media_type=file.media_type, headers={"content-disposition": disposition})
