"""Sheets: answers about sales as columns and rows, every figure with where the touchpoints behind it are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from api.sales_answers import Column, Link, SalesAnswer, Value, described, evidence_links, judged, plain
from api.sales_grammar import asked_again
from projections.sales.question import Question


@dataclass(frozen=True)
class Sheet:
    """A view as it is shown. `about` is what holds for all rows; `evidence` has for each row a link for each figure."""

    name: str
    timezone: str
    about: Mapping[str, Any]
    columns: tuple[Column, ...]
    rows: list[tuple[Value, ...]]
    evidence: Sequence[Mapping[str, Link]]
    groups: int | None
    more: bool = False
    unconverted: tuple[str, ...] = ()


def sheet_of(name: str, answered: SalesAnswer, **about: Any) -> Sheet:
    """An answer in the general grammar as a sheet."""
    question = answered.asked.question
    evidence = list(evidence_links(answered))
    about |= {"from": question.period.first, "to": question.period.last, **judged(question)}
    figures = (answered.columns, answered.rows, evidence, answered.groups, answered.more, answered.unconverted)
    return Sheet(name, answered.timezone, about, *figures)


def sheet_json(sheet: Sheet) -> dict[str, Any]:
    """The sheet as plain values. Exact numbers are texts, counts whole numbers."""
    return {
        "view": sheet.name,
        **sheet.about,
        "timezone": sheet.timezone,
        "columns": [described(column) for column in sheet.columns],
        "rows": [
            {**{column.name: plain(value) for column, value in zip(sheet.columns, row, strict=True)}, "evidence": links}
            for row, links in zip(sheet.rows, sheet.evidence, strict=True)
        ],
        "groups": sheet.groups,
        "more": sheet.more,
        "unconverted": list(sheet.unconverted),
    }


class Links:
    """The evidence links of the figures that one question's answer is made of."""

    def __init__(self, question: Question, names: Mapping[Any, str]) -> None:
        self._question = question
        self._names = names

    def of(self, measure: str, **key: str | None) -> str:
        """Where the touchpoints behind a measure are listed, narrowed down by dimensions."""
        words = [("measures", measure), *asked_again(self._question, key, self._names)]
        return f"/api/sales/evidence?{urlencode(words)}"
