"""Sales over HTTP, exact to the last digit."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, localcontext
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from api.exact import exact_json
from api.profile_answers import SourceNamed, source_names
from api.sales_answers import as_json, dimensions_answer, evidence_answer, measures_answer, sales_answer
from api.sales_formats import as_file
from api.sales_grammar import read_question
from api.security import Refused, platform_of, reading, refusals, require
from cdp.platform import Platform
from projections.rollups import EXACT, padded
from projections.sales.queries import DailySales, read_daily
from projections.sales.question import InvalidQuestion

router = APIRouter(
    tags=["sales"],
    dependencies=[Depends(require("sales:read"))],
    responses=refusals(401, 403, 422, 503),
)

DEFINITION = (
    "Completed orders. gross = what was paid, after discounts, with tax and shipping, before refunds: the property "
    "total, else revenue, else the sum of price × quantity over the lines. A day begins in the time zone given here."
)


class DailyRow(BaseModel):
    """The completed orders of one day, channel, source and currency."""

    day: date
    channel: str
    source: SourceNamed
    currency: str | None = Field(description="ISO 4217; null where orders came without one")
    orders: int
    units: Decimal = Field(description="exact, as text")
    gross: Decimal = Field(description="exact, as text")


class Total(BaseModel):
    """The sum of all rows of one currency. Currencies are never added together."""

    currency: str | None
    orders: int
    units: Decimal
    gross: Decimal


class DailyAnswer(BaseModel):
    """Sales by day and channel."""

    definition: str
    timezone: str
    rows: list[DailyRow]
    totals: list[Total]


@router.get("/sales", response_model=None)
def sales(request: Request, platform: Annotated[Platform, Depends(platform_of)]) -> Response:
    """Figures: `measures` broken down `by` dimensions, `from` a day `to` a day, in a time `zone`.

    `convert` to a currency (`base`: the shop's) by each day's rates, `compare` with the time before (`previous`) or the
    year before (`year`), `order` by columns (`-gross`: the greatest first), `limit`, `format` json, csv, csv-tr
    (Turkish Excel), xlsx, parquet or arrow. Lists are separated by commas. Every other parameter is a filter by a
    dimension, which may be given several times; `(none)` stands for what is not known.
    """
    with invalid_refused():
        asked = read_question(platform, request.query_params.multi_items())
        with reading(platform) as connection:
            answered = sales_answer(platform, connection, asked)
    if asked.format == "json":
        return exact_json(as_json(answered))
    file = as_file(answered, asked.format)
    return Response(
        file.content,
        media_type=file.media_type,
        headers={"content-disposition": f'attachment; filename="{file.name}"'},
    )


@router.get("/sales/measures", response_model=None)
def measures() -> Response:
    """Every measure with its definition, the source of the definition, its unit and its dimensions."""
    return exact_json({"measures": measures_answer(), "dimensions": dimensions_answer()})


@router.get("/sales/evidence", response_model=None)
def evidence(request: Request, platform: Annotated[Platform, Depends(platform_of)]) -> Response:
    """The touchpoints behind one figure, page by page: `measures` names one, filters and days as in the question."""
    with invalid_refused(), reading(platform) as connection:
        return exact_json(evidence_answer(platform, connection, request.query_params.multi_items()))


@contextlib.contextmanager
def invalid_refused() -> Iterator[None]:
    """A block in which a question that cannot be answered is refused with 422."""
    try:
        yield
    except InvalidQuestion as error:
        raise Refused(422, "invalid", str(error)) from error


@router.get("/sales/daily")
def daily_sales(
    platform: Annotated[Platform, Depends(platform_of)],
    first: Annotated[date | None, Query(alias="from", description="the first day, included")] = None,
    last: Annotated[date | None, Query(alias="to", description="the last day, included")] = None,
    channel: str | None = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="ISO 4217")] = None,
) -> DailyAnswer:
    """Orders, units and gross sales by day, channel, source and currency."""
    with reading(platform) as connection:
        rows = read_daily(connection, first, last, channel, currency)
    named = source_names(platform)
    return DailyAnswer(
        definition=DEFINITION,
        timezone=platform.settings.timezone,
        rows=[DailyRow(**{**row._asdict(), "source": named(row.source), "gross": padded(row.gross)}) for row in rows],
        totals=totals(rows),
    )


def totals(rows: Iterable[DailySales]) -> list[Total]:
    """The sums by currency, exact."""
    by_currency: defaultdict[str | None, list[DailySales]] = defaultdict(list)
    for row in rows:
        by_currency[row.currency].append(row)
    with localcontext(EXACT):
        return [
            Total(
                currency=currency,
                orders=sum(row.orders for row in found),
                units=sum((row.units for row in found), Decimal(0)),
                gross=padded(sum((row.gross for row in found), Decimal(0))),
            )
            for currency, found in sorted(by_currency.items(), key=lambda item: item[0] or "")
        ]
