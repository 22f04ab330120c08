"""The touchpoints behind a figure: every row that adds to it, page by page; what they add sums to the figure.

Evidence is read from the base rows with the conditions that the figure itself is read with, so it cannot speak of other
rows. A number of customers, or of orders, is shown by one touchpoint for each: the first of theirs that counts.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.measures import MONEY, Measure
from projections.sales.question import InvalidQuestion, Question
from projections.sales.readings import RATES, Reading
from projections.sales.tables import COSTS, LINES, MARGINS

_PLACE = "(part, effective_at, event_id, kind, line)"


class Item(NamedTuple):
    """What one touchpoint adds to a measure. `rate` is set where it was converted; `adds` is then in that currency.

    `order` is the keyed hash by which the order's touchpoints belong together.
    """

    part: int
    measure: str
    effective_at: datetime
    event_id: str
    position: int
    source: UUID
    kind: str
    order: str | None
    line: int
    currency: str | None
    rate: Decimal | None
    adds: Decimal | None


class Sum(NamedTuple):
    """What all the evidence of a measure comes to. None where a rate is missing."""

    measure: str
    touchpoints: int
    rows: int
    sum: Decimal | None


class Evidence(NamedTuple):
    """A page of evidence, and where the next one begins; None at the end."""

    sums: list[Sum]
    items: list[Item]
    next: str | None


class InvalidPlace(InvalidQuestion):
    """A cursor that no page gave out."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no cursor: expected the `next` of an earlier page; leave it out to begin")


def read_evidence(
    connection: Connected, question: Question, shop: ZoneInfo, limit: int, after: str | None = None
) -> Evidence:
    """The evidence of the figure of one measure. Raises `InvalidQuestion`."""
    if len(question.measures) != 1 or question.by:
        raise InvalidQuestion(
            "evidence is of one figure: name one measure, and give what it is broken down by as filters"
        )
    reading = Reading(question, shop)
    rows = " union all ".join(_rows(reading, part, number) for number, part in enumerate(reading.parts, start=1))
    found = f"with {RATES + ',' if question.convert else ''} found as ({rows})"
    where = f"where {_PLACE} > (%(part)s, %(at)s::timestamptz, %(event)s, %(kind)s, %(line)s)" if after else ""
    page = f"{found} select * from found {where} order by {_PLACE[1:-1]} limit %(limit)s"
    parameters = {**reading.parameters, "limit": limit + 1, **(_place(after) if after else {})}
    items = [Item(*row) for row in connection.execute(page.encode(), parameters)]
    following = _cursor(items[limit - 1]) if len(items) > limit else None
    return Evidence(list(_sums(connection, found, reading)), items[:limit], following)


def _sums(connection: Connected, found: str, reading: Reading) -> Iterator[Sum]:
    query = f"""
        {found}
        select
            part,
            array_agg(distinct coalesce(currency, '(none)')),
            count(distinct event_id),
            count(*),
            case when bool_and(adds is not null) then sum(adds) end
        from found
        group by part
    """
    sums = {row[0]: row[1:] for row in connection.execute(query.encode(), reading.parameters)}
    for number, part in enumerate(reading.parts, start=1):
        currencies, *added = sums.get(number, ((), 0, 0, Decimal(0)))
        if part.unit == MONEY and not reading.converted(part) and len(currencies) > 1:
            raise InvalidQuestion(
                f"the evidence of {part.name} is in {', '.join(currencies)}, which are never added together: name one, "
                f"such as currency={currencies[0]}, or convert"
            )
        yield Sum(part.name, *added)


def _rows(reading: Reading, part: Measure, number: int) -> str:
    """The base rows that add to a part."""
    family = part.family
    value = reading.value(part, family, family.base)
    rate = "rates.rate" if reading.converted(part) else "null::numeric"
    adds = (
        "1::numeric"
        if part.distinct
        else f"({value}) * rates.rate"
        if reading.converted(part)
        else f"({value})::numeric"
    )
    counting = [f"({value}) <> 0"]
    if part.distinct:
        counting = [f"base.{part.counts} is not null", reading.counts(part, family.base)]
    rows = f"""
        select
            {f"distinct on (base.{part.counts})" if part.distinct else ""}
            {number} as part,
            '{part.name}'::text as measure,
            base.effective_at,
            base.event_id,
            base.position,
            base.source,
            base.kind,
            {"null::text" if family is COSTS else "base.order_key"} as order_key,
            {"base.line" if family in (LINES, MARGINS) else "0::bigint"} as line,
            base.currency,
            {rate} as rate,
            {adds} as adds
        {reading.source(family.base, *counting)}
        {f"order by base.{part.counts}, base.effective_at, base.event_id" if part.distinct else ""}
    """
    return f"({rows})"


def _cursor(item: Item) -> str:
    place = [item.part, item.effective_at.isoformat(), item.event_id, item.kind, item.line]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(cursor: str) -> dict[str, Any]:
    try:
        part, at, event, kind, line = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return {
            "part": int(part),
            "at": datetime.fromisoformat(at),
            "event": str(event),
            "kind": str(kind),
            "line": int(line),
        }
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidPlace(cursor) from error
