"""What share of all a row of a view has: which part of the customers brings which part of the money."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal

from api.sales_answers import Column, SalesAnswer
from api.sales_sheets import Links, Sheet
from projections.sales.figures import PLACES
from projections.sales.measures import PLATFORM, SHARE


def with_shares(sheet: Sheet, answered: SalesAnswer, measures: Sequence[str]) -> Sheet:
    """The sheet with a column more for each measure: the row's share of all rows.

    Its rows add up: each customer is in one row. The evidence of a share is that of the figure over that of all.
    """
    whole = Links(dataclasses.replace(answered.asked.question, by=()), answered.names)
    names = [column.name for column in sheet.columns]
    columns, rows, evidence = list(sheet.columns), list(sheet.rows), [dict(links) for links in sheet.evidence]
    for measure in measures:
        at, share = names.index(measure), f"{measure}_share"
        columns.append(Column(share, SHARE, f"{measure} / {measure} of all tiers", PLATFORM))
        values = [_exact(row[at]) for row in rows]
        known = [value for value in values if value is not None]
        total = sum(known, Decimal(0)) if len(known) == len(values) else None
        rows = [(*row, _share(value, total)) for row, value in zip(rows, values, strict=True)]
        for row, links in zip(rows, evidence, strict=True):
            currency = {"currency": str(row[names.index("currency")])} if "currency" in names else {}
            links[share] = {"over": [str(links[measure])], "under": [whole.of(measure, **currency)]}
    return dataclasses.replace(sheet, columns=tuple(columns), rows=rows, evidence=evidence)


def _exact(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) else None


def _share(value: Decimal | None, total: Decimal | None) -> Decimal | None:
    return None if value is None or not total else round(value / total, PLACES)
