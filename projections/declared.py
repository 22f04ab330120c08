"""A projection that is declared: facts, entities folded from them, rollups over both. The engine does the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from cdp.log.touchpoint import Touchpoint
from projections.columns import Columns
from projections.contract import Batch, Connected, Surroundings, Writer
from projections.copying import columns_of, copy_rows
from projections.entities import Difference, Entities, folded
from projections.entity_table import EntityTable
from projections.facts import Facts, Row
from projections.parking import subject_key
from projections.rollup_table import RollupTable
from projections.rollups import Rollup

IDENTITY = "identity"


@dataclass(frozen=True)
class Declared:
    """A projection of facts, of entities over them, and of rollups over either.

    Entities are folded in the order given, so one may have another before it for a source, as may rollups. Where any is
    `by_profile` the projection requires identity. `parks` gives the keys of a touchpoint that cannot be digested; later
    ones of the same keys are left out too, where there are entities. `personal` says that facts read personal parts:
    whoever computes them elsewhere needs keys.
    """

    name: str
    version: int
    facts: tuple[Facts, ...]
    entities: tuple[Entities, ...] = ()
    rollups: tuple[Rollup, ...] = ()
    depends_on: Callable[[Surroundings], str] = lambda surroundings: ""
    requires: tuple[str, ...] = ()
    parks: Callable[[Touchpoint], Iterable[str]] = subject_key
    personal: bool = False
    takes_late: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuses a declaration that names what it does not declare."""
        known = {facts.table for facts in self.facts}
        for each in self.entities:
            self._check(each.table, each.sources, known)
            if each.by_profile and IDENTITY not in self.requires:
                raise InvalidDeclaration(self.name, f"{each.table} is kept by profile", f"requires=({IDENTITY!r},)")
            known.add(each.table)
        kept = {rollup.table: rollup.keys for rollup in self.rollups}
        for rollup in self.rollups:
            self._check(rollup.table, (rollup.source,), known)
            known.add(rollup.table)
            read, keys = rollup.read, kept.get(rollup.source)
            if keys is not None and not read.items() <= keys.items():
                said = f"{rollup.table} reads {', '.join(read)} of the rollup {rollup.source}"
                raise InvalidDeclaration(self.name, said, f"some of its keys {', '.join(keys)}, with their types")

    def _check(self, table: str, sources: tuple[str, ...], known: set[str]) -> None:
        for source in sources:
            if source not in known:
                raise InvalidDeclaration(
                    self.name, f"{table} is made of {source}", f"one of {', '.join(sorted(known))}, declared before it"
                )

    def configuration(self, surroundings: Surroundings) -> str:
        """What of the surroundings the facts depend on."""
        return self.depends_on(surroundings)

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer that copies facts, folds entities and passes what differs on to the rollups."""
        return DeclaredWriter(self, schemas, surroundings)

    def keys(self, touchpoint: Touchpoint) -> Iterable[str]:
        """What to park: facts are independent of each other, what is folded from them is not."""
        return self.parks(touchpoint) if self.entities else ()

    @property
    def rows(self) -> dict[str, Any]:
        """The row type of each table of facts or entities."""
        facts = {each.table: each.row for each in self.facts}
        return {**facts, **{each.table: each.row for each in self.entities}}


class InvalidDeclaration(Exception):
    """A declaration contradicts itself."""

    def __init__(self, projection: str, said: str, expected: str) -> None:
        super().__init__(f"in the projection {projection} {said}; expected {expected}: correct its declaration")


class DeclaredWriter:
    """Writes the rows of a batch, and the difference that they make to entities and rollups."""

    def __init__(self, projection: Declared, schemas: Mapping[str, str], surroundings: Surroundings) -> None:
        schema, rows = schemas[projection.name], projection.rows
        self._projection = projection
        self._schema = schema
        self._surroundings = surroundings
        self._columns = {facts.table: columns_of(facts.row) for facts in projection.facts}
        tables = [EntityTable(each, rows, schema, schemas.get(IDENTITY)) for each in projection.entities]
        self._families = [list(alike) for _, alike in groupby(tables, key=lambda table: table.entities.family)]
        sources = {rollup.source for rollup in projection.rollups}
        self._rollups = [
            (rollup, RollupTable(rollup, schema, followed=rollup.table in sources)) for rollup in projection.rollups
        ]

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns nothing: no other projection builds upon these rows by key."""
        facts = {each.table: each.rows(batch.touchpoints, self._surroundings) for each in self._projection.facts}
        moved = batch.moved.get(IDENTITY, frozenset())
        changed: dict[str, Difference] = {table: Difference((), rows) for table, rows in facts.items()}
        before = [family[0].before(connection, facts) for family in self._families]
        self._copy(connection, facts)
        for family, known in zip(self._families, before, strict=True):
            gathered = family[0].touched(connection, changed, moved) if known is None else known
            rows = folded([table.entities for table in family], gathered)
            for table, found in zip(family, rows, strict=True):
                changed[table.entities.table] = table.replace(connection, gathered, found)
        columns = {table: (Columns(change.old), Columns(change.new)) for table, change in changed.items()}
        nothing = Columns(()), Columns(())
        for rollup, kept in self._rollups:
            old, new = columns[rollup.source]
            columns[rollup.table] = kept.apply(connection, old, new) if len(old) or len(new) else nothing
        return frozenset()

    def _copy(self, connection: Connected, facts: Mapping[str, list[Row]]) -> None:
        for table, rows in facts.items():
            if rows:
                copy_rows(connection, f"{self._schema}.{table}", self._columns[table], rows)
