"""The first kind of projection: facts, a pure function of one touchpoint that gives typed rows.

Fact rows are keyed by the touchpoint's position and never rewritten; what depends on the profile joins them to the
subject's memberships when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cdp.log.touchpoint import Touchpoint
from projections.contract import Batch, Connected, Surroundings, Writer
from projections.copying import columns_of, copy_rows
from projections.rollups import Rollup

Row = tuple[Any, ...]
"""A fact row: a named tuple whose fields are the table's columns, in order."""

Extract = Callable[[Touchpoint, Surroundings], Iterable[Row]]


class Facts(NamedTuple):
    """A table of facts: `row` is the named tuple of its columns, `extract` gives the rows of one touchpoint."""

    table: str
    row: Any
    extract: Extract


@dataclass(frozen=True)
class FactsProjection:
    """A projection that consists of facts and of rollups over them. Each rollup names the table that it sums up."""

    name: str
    version: int
    facts: tuple[Facts, ...]
    rollups: tuple[Rollup, ...] = ()
    depends_on: Callable[[Surroundings], str] = lambda surroundings: ""
    requires: tuple[str, ...] = ()

    def configuration(self, surroundings: Surroundings) -> str:
        """What of the surroundings the facts depend on."""
        return self.depends_on(surroundings)

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer that copies facts and passes what is new on to the rollups."""
        return FactsWriter(self, schemas[self.name], surroundings)


class FactsWriter:
    """Writes the facts of a batch and the difference that they make to the rollups."""

    def __init__(self, projection: FactsProjection, schema: str, surroundings: Surroundings) -> None:
        self._projection = projection
        self._schema = schema
        self._surroundings = surroundings
        self._columns = {facts.table: columns_of(facts.row) for facts in projection.facts}

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Copies the rows; facts never change what was written before, so nothing moves."""
        for facts in self._projection.facts:
            rows = self._rows(facts, batch)
            if rows:
                copy_rows(connection, f"{self._schema}.{facts.table}", self._columns[facts.table], rows)
                self._roll_up(facts, rows, connection)
        return frozenset()

    def _rows(self, facts: Facts, batch: Batch) -> list[Row]:
        return [row for touchpoint in batch.touchpoints for row in facts.extract(touchpoint, self._surroundings)]

    def _roll_up(self, facts: Facts, rows: Iterable[Row], connection: Connected) -> None:
        for rollup in self._projection.rollups:
            if rollup.source == facts.table:
                rollup.apply(connection, self._schema, old=(), new=rows)
