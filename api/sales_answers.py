"""Answers about sales: figures with their columns named and defined, each with a link to its evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from api.sales_grammar import JUDGED, Asked, asked_again, read_question
from cdp.platform import Platform
from projections.contract import Connected
from projections.sales.amounts import money
from projections.sales.comparing import compared
from projections.sales.dimensions import DIMENSIONS
from projections.sales.evidence import Evidence, read_evidence
from projections.sales.figures import Figures, answer
from projections.sales.measures import COUNT, MEASURES, MONEY, SHARE, Measure
from projections.sales.question import Question

Link = str | Mapping[str, Sequence[str]]
"""Where the evidence of a figure is; of a quotient that of all that is multiplied `over` and `under` the line."""

Value = str | int | Decimal | date | datetime | None
PAGE = 100


@dataclass(frozen=True)
class Column:
    """A column of an answer. `unit` is set for measures; `currency` where amounts were converted to it."""

    name: str
    unit: str | None
    definition: str
    source: str | None = None
    currency: str | None = None


@dataclass(frozen=True)
class SalesAnswer:
    """Figures in the form in which they are shown: names for sources, amounts with at least two decimals.

    `groups` is how many rows there are without the limit, None where there are `more` that nobody counted.
    """

    asked: Asked
    timezone: str
    columns: tuple[Column, ...]
    rows: list[tuple[Value, ...]]
    groups: int | None
    more: bool
    unconverted: tuple[str, ...]
    names: Mapping[UUID, str]
    beside: tuple[tuple[Value, ...], ...] = ()
    name: str = "sales"


def sales_answer(platform: Platform, connection: Connected, asked: Asked) -> SalesAnswer:
    """Answers a question. Raises `InvalidQuestion`."""
    shop, question = ZoneInfo(platform.settings.timezone), asked.question
    if asked.compare is None:
        figures = answer(connection, question, shop)
    else:
        figures = compared(connection, question, shop, asked.compare)
    names = source_names(platform, figures, question)
    columns = tuple(column_of(name, question) for name in figures.columns)
    rows = [
        tuple(value_of(column, each, names) for column, each in zip(columns, row, strict=True)) for row in figures.rows
    ]
    zone = (question.zone or shop).key
    beside = tuple(
        tuple(value_of(column, each, names) for column, each in zip(columns, key, strict=False))
        for key in figures.beside
    )
    return SalesAnswer(asked, zone, columns, rows, figures.groups, figures.more, figures.unconverted, names, beside)


def source_names(platform: Platform, figures: Figures, question: Question) -> dict[UUID, str]:
    """The names of the sources in an answer and in its question."""
    found = {value for row in figures.rows for value in row[: len(question.keys)] if isinstance(value, UUID)}
    found |= {UUID(each) for each in question.filters.get("source", ()) if len(each) == len(str(UUID(int=0)))}
    return {each: named(platform, each) for each in found}


def named(platform: Platform, source_id: UUID) -> str:
    """A source's name; its id where it is not known."""
    source = platform.registry.source(source_id)
    if source is None:
        platform.registry.refresh()
        source = platform.registry.source(source_id)
    return source.name if source else str(source_id)


def as_json(answered: SalesAnswer) -> dict[str, Any]:
    """The answer as plain values. Exact numbers are texts, counts whole numbers."""
    question = answered.asked.question
    return {
        "timezone": answered.timezone,
        "from": question.period.first,
        "to": question.period.last,
        "compare": answered.asked.compare,
        **judged(question),
        "columns": [described(column) for column in answered.columns],
        "rows": [
            {
                **{column.name: plain(value) for column, value in zip(answered.columns, row, strict=True)},
                "evidence": links,
            }
            for row, links in zip(answered.rows, evidence_links(answered), strict=True)
        ],
        "groups": answered.groups,
        "more": answered.more,
        "unconverted": list(answered.unconverted),
    }


def judged(question: Question) -> dict[str, Any]:
    """What the question's customers were judged by, where it asks for groups that depend on it."""
    if {*question.by, *question.filters}.isdisjoint(JUDGED):
        return {}
    judging = question.judging
    said: dict[str, Any] = {"as_of": judging.last, "since": judging.first, "scored_in": judging.currency}
    if judging.definition is not None:
        said["pyramid"] = {"version": judging.label, **judging.definition.tree()}
    return said


def plain(value: Value) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat() if isinstance(value, date) else value


def evidence_links(answered: SalesAnswer) -> Iterator[dict[str, Link]]:
    """For each row where the touchpoints behind its figures are listed, those of the other time too."""
    question, compare = answered.asked.question, answered.asked.compare
    keys = len(question.keys)
    for place, row in enumerate(answered.rows):
        links: dict[str, Link] = {
            name: evidence_link(answered, question, name, row[:keys]) for name in question.measures
        }
        if compare is not None:
            earlier = dataclasses.replace(question, period=question.period.before(compare))
            for name in question.measures:
                now, then = str(links[name]), evidence_link(answered, earlier, name, answered.beside[place])
                links |= {f"{name}_before": then, f"{name}_change": {"over": [now], "under": [then]}}
        yield links


def evidence_link(answered: SalesAnswer, question: Question, measure: str, key: Sequence[Value]) -> str:
    """Where the touchpoints behind a figure of a question are listed, narrowed down to a row by its key."""
    values = {
        name: None if value is None else str(plain(value)) for name, value in zip(question.keys, key, strict=True)
    }
    words = [("measures", measure), *asked_again(question, values, answered.names)]
    return f"/api/sales/evidence?{urlencode(words)}"


def evidence_answer(platform: Platform, connection: Connected, given: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A page of the touchpoints behind a figure. Raises `InvalidQuestion`."""
    asked = read_question(platform, given, PAGE)
    shop = ZoneInfo(platform.settings.timezone)
    found = read_evidence(connection, asked.question, shop, asked.question.limit, asked.cursor)
    [measure] = asked.question.chosen
    return {
        "measure": described(column_of(measure.name, asked.question)),
        "figure": _figure(measure, found),
        "sums": [
            {"measure": each.measure, "touchpoints": each.touchpoints, "rows": each.rows, "sum": _exact(each.sum)}
            for each in found.sums
        ],
        "items": [
            {
                "measure": each.measure,
                "event_id": each.event_id,
                "position": each.position,
                "effective_at": plain(each.effective_at),
                "source": named(platform, each.source),
                "kind": each.kind,
                "order": each.order,
                "line": each.line or None,
                "currency": each.currency,
                "rate": _exact(each.rate),
                "adds": _exact(each.adds),
            }
            for each in found.items
        ],
        "next": found.next,
    }


def measures_answer() -> list[dict[str, Any]]:
    """Every measure with its definition."""
    return [
        {
            "name": each.name,
            "unit": each.unit,
            "definition": each.definition,
            "source": each.source,
            "by": sorted(each.family.base.dimensions),
        }
        for each in MEASURES.values()
    ]


def dimensions_answer() -> list[dict[str, str]]:
    """Every dimension with its meaning."""
    return [{"name": each.name, "meaning": each.meaning} for each in DIMENSIONS.values()]


def _figure(measure: Measure, found: Evidence) -> str | None:
    """The figure that the evidence comes to."""
    sums = [each.sum for each in found.sums]
    if not measure.ratio:
        return _exact(sums[0])
    over, under = sums
    return None if over is None or not under else _exact(round(over / under, 6))


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def column_of(name: str, question: Question) -> Column:
    """A column of an answer to a question: a dimension, a measure, or a measure beside another time's."""
    if name in DIMENSIONS:
        return Column(name, None, DIMENSIONS[name].meaning)
    plain_name = name.removesuffix("_before").removesuffix("_change")
    measure = MEASURES[name if name in MEASURES else plain_name]
    converted = question.convert if measure.unit == MONEY else None
    if name.endswith("_change") and name not in MEASURES:
        return Column(name, SHARE, f"change of {plain_name} as a share of the other time's", None)
    before = "the other time's: " if name not in MEASURES else ""
    return Column(name, measure.unit, before + measure.definition, measure.source, converted)


def described(column: Column) -> dict[str, Any]:
    """A column with what it means."""
    said = {
        "name": column.name,
        "unit": column.unit,
        "definition": column.definition,
        "source": column.source,
        "currency": column.currency,
    }
    return {name: value for name, value in said.items() if value is not None}


def value_of(column: Column, value: Any, names: Mapping[UUID, str]) -> Value:
    """A value as it is shown."""
    if isinstance(value, UUID):
        return names[value]
    if not isinstance(value, Decimal):
        shown: Value = value
        return shown
    if column.unit == COUNT:
        return int(value)
    return money(value) if column.unit == MONEY else value
