"""What a rollup is, row by row in plain Python: the yardstick for the sums that are kept in columns."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Any

from projections.rollups import EXACT, Group, Rollup, trimmed


def table_of(rollup: Rollup, rows: Iterable[Any]) -> dict[Group, tuple[Any, ...]]:
    """The whole table over these rows: by group, the values of the columns that are no keys, in order."""
    groups: dict[Group, list[Any]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in rollup.keys), []).append(row)
    with localcontext(EXACT):
        return {group: tuple(map(trimmed, _figures(rollup, alike))) for group, alike in groups.items()}


def _figures(rollup: Rollup, rows: list[Any]) -> Iterable[Any]:
    def known(column: str) -> list[Any]:
        return [value for row in rows if (value := getattr(row, column)) is not None]

    yield len(rows)
    yield from (sum(known(name), Decimal(0) if kind == "numeric" else 0) for name, kind in rollup.sums.items())
    yield from (len(set(known(figure.column))) for figure in rollup.distinct.values())
    yield from (min(known(figure.column), default=None) for figure in rollup.least.values())
    yield from (max(known(figure.column), default=None) for figure in rollup.greatest.values())
