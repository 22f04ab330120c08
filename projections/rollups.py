"""The third kind of projection: rollups, figures by group keys over facts and entities, kept up by differences.

A rollup never looks at a row twice. Whoever changes rows passes on the old ones, which are taken off, and the new ones,
which are added; so late, corrected, retracted and merged are one mechanism. Nothing here knows a database, so the same
sums serve live, in a replay and in batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from functools import cached_property
from typing import Any, NamedTuple

from projections.columns import EXACT as EXACT
from projections.columns import Columns
from projections.tallies import Column, Tally

Group = tuple[Any, ...]


class Figure(NamedTuple):
    """A figure that is made of a source row's column: the column's name and its SQL type."""

    column: str
    type: str


@dataclass(frozen=True)
class Rollup:
    """A table of figures over the rows of the table `source`, one row for each combination of `keys`.

    `keys` maps each key column to its SQL type and `sums` each summed column to its own; both are read from the source
    row's fields of the same names. `count` is the column that counts rows; a group whose count is 0 has no row.
    The source may be another rollup: its rows are that one's groups, of which only keys can be read.
    `least`, `greatest` and `distinct` map a column of the rollup to the source's column whose smallest value, greatest
    value or number of different values it holds. Null adds nothing to any figure.

    Sums are kept without zeros at the end. Each distinct figure needs a table of its own, `{table}_{figure}`, with the
    keys, `value` and `rows bigint`: how often each value occurs in a group.
    """

    table: str
    source: str
    keys: Mapping[str, str]
    count: str
    sums: Mapping[str, str] = field(default_factory=dict)
    least: Mapping[str, Figure] = field(default_factory=dict)
    greatest: Mapping[str, Figure] = field(default_factory=dict)
    distinct: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the table with their SQL types."""
        extremes = {name: figure.type for name, figure in {**self.least, **self.greatest}.items()}
        return {
            **self.keys,
            self.count: "bigint",
            **self.sums,
            **dict.fromkeys(self.distinct, "bigint"),
            **extremes,
        }

    @property
    def read(self) -> dict[str, str]:
        """The columns of the source that it is made of, with their SQL types."""
        figures = [*self.least.values(), *self.greatest.values(), *self.distinct.values()]
        return {**self.keys, **self.sums, **{figure.column: figure.type for figure in figures}}

    def changed(self, old: Columns, new: Columns) -> list[tuple[Any, ...]]:
        """The groups whose count or sums change, each with how much they do. Exact to the last digit."""
        return self.tally.changed_rows(old, new)

    def difference(self, old: Columns, new: Columns) -> dict[Group, list[Any]]:
        """By group: how much the count and each sum change, be it by nothing."""
        rows = self.tally.difference_rows(old, new)
        return {row[: len(self.keys)]: [*row[len(self.keys) :]] for row in rows}

    def values(self, figure: Figure, old: Columns, new: Columns) -> dict[tuple[Group, Any], int]:
        """By group and value of a figure's column: in how many rows more, or fewer, it occurs."""
        rows = self.tally_of(figure).changed_rows(old, new)
        return {(row[:-2], row[-2]): row[-1] for row in rows if row[-2] is not None}

    @cached_property
    def tally(self) -> Tally:
        """What adds up its count and its sums."""
        return Tally(self._grouped, [Column(*each) for each in self.sums.items()])

    def tally_of(self, figure: Figure) -> Tally:
        """What counts how often a figure's values occur in each group."""
        return Tally([*self._grouped, Column(*figure)])

    @property
    def _grouped(self) -> list[Column]:
        return [Column(*each) for each in self.keys.items()]


def trimmed(value: Any) -> Any:
    """A decimal without zeros at its end, as it is stored in a rollup; anything else as it is."""
    if not isinstance(value, Decimal):
        return value
    shortest = EXACT.normalize(value)
    return EXACT.quantize(shortest, _ONE) if shortest == EXACT.to_integral_value(shortest) else shortest


_ONE = Decimal(1)


def padded(value: Decimal, digits: int = 2) -> Decimal:
    """A decimal with at least so many digits after the point: the way back from `trimmed`, for whoever shows money."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent <= -digits:
        return value
    with localcontext(EXACT):
        return value.quantize(Decimal(1).scaleb(-digits))
