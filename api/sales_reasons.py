"""Why sales come back: returns, refunds and cancellations by reason, each beside all orders of the same time.

A reason belongs to what went back and to no order, so a rate by reason has all orders under the line: the rates of all
reasons add up to the whole rate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from api.sales_answers import Column, Link, Value, column_of, plain, source_names, value_of
from api.sales_grammar import read_question
from api.sales_sheets import Links, Sheet
from cdp.platform import Platform
from projections.contract import Connected
from projections.sales.figures import PLACES, answer
from projections.sales.measures import PLATFORM, SHARE
from projections.sales.question import LARGEST_LIMIT, InvalidQuestion

WENT_BACK = ("returns", "refunds", "refunded", "cancellations", "cancelled")
PLACED = ("orders", "gross")
RATES: Mapping[str, tuple[str, str]] = {
    "return_rate": ("returns", "orders"),
    "refund_rate": ("refunded", "gross"),
    "cancellation_rate": ("cancellations", "orders"),
}


def reasons_sheet(platform: Platform, connection: Connected, given: Sequence[tuple[str, str]]) -> Sheet:
    """Returns, refunds and cancellations by reason and by other dimensions, with their rates."""
    words = [(name, value) for name, value in given if name not in ("measures", "order", "limit", "compare")]
    question = read_question(platform, [*words, ("measures", ",".join(PLACED)), ("limit", str(LARGEST_LIMIT))]).question
    if "reason" in (*question.by, *question.filters):
        raise InvalidQuestion("reasons are always broken down by reason: leave it out of by and of the filters")
    shop = ZoneInfo(platform.settings.timezone)
    back = dataclasses.replace(question, measures=WENT_BACK, by=(*question.by, "reason"))
    figures, placed = answer(connection, back, shop), answer(connection, question, shop)
    names = source_names(platform, figures, back)
    under = {row[: len(question.keys)]: dict(zip(PLACED, row[-2:], strict=True)) for row in placed.rows}
    columns = (
        *(column_of(name, question) for name in back.keys),
        *(column_of(name, question) for name in (*WENT_BACK, *PLACED)),
        *(Column(name, SHARE, f"{over} / {under}, of all reasons", PLATFORM) for name, (over, under) in RATES.items()),
    )
    rows, evidence = [], []
    links, whole = Links(back, names), Links(question, names)
    for row in figures.rows:
        key = dict(zip(back.keys, row, strict=False))
        most = {name: value for name, value in key.items() if name != "reason"}
        found = dict(zip(WENT_BACK, row[len(key) :], strict=True))
        found |= under.get(tuple(most[name] for name in question.keys), dict.fromkeys(PLACED, Decimal(0)))
        if not any(found[name] is None or found[name] for name in WENT_BACK):
            continue
        found |= {name: _rate(found[over], found[below]) for name, (over, below) in RATES.items()}
        values = (*key.values(), *found.values())
        shown = tuple(value_of(column, each, names) for column, each in zip(columns, values, strict=True))
        rows.append(shown)
        evidence.append(_evidence(dict(zip(key, shown, strict=False)), links, whole))
    about = {"from": question.period.first, "to": question.period.last}
    zone = (question.zone or shop).key
    return Sheet("reasons", zone, about, columns, rows, evidence, len(rows), unconverted=figures.unconverted)


def _rate(over: Decimal | None, under: Decimal | None) -> Decimal | None:
    return None if over is None or not under else round(over / under, PLACES)


def _evidence(key: Mapping[str, Value], links: Links, whole: Links) -> Mapping[str, Link]:
    """What went back is narrowed down by the reason too, what was placed is not."""
    full = {name: None if value is None else str(plain(value)) for name, value in key.items()}
    most = {name: value for name, value in full.items() if name != "reason"}
    found: dict[str, Link] = {name: links.of(name, **full) for name in WENT_BACK}
    found |= {name: whole.of(name, **most) for name in PLACED}
    rates = {name: {"over": [str(found[over])], "under": [str(found[under])]} for name, (over, under) in RATES.items()}
    return {**found, **rates}
