"""What a rebuild computes: a declared projection, up to a position, table by table, and where the results go.

The steps follow from the declaration. Facts are level 0; an entity table or rollup stands one level above the highest
of its sources, and all of a level are computed together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pipelines.canonical import TRIMMED, Layout
from pipelines.opening import ClearParts, Opening
from pipelines.work import Worker, address
from projections.copying import columns_of
from projections.declared import Declared
from projections.entities import Entities
from projections.rollups import Rollup

Columns = Mapping[str, str]


class Table(NamedTuple):
    """A table that a declaration gives: its columns with their SQL types, and its key as far as declared.

    Fact tables and entity tables declare no key of a row; their database tables do.
    """

    columns: Columns
    key: tuple[str, ...] | None


@dataclass(frozen=True)
class Family:
    """Entity tables with the same sources and the same key, whose rows are sent once for all of them."""

    members: tuple[Entities, ...]

    @property
    def name(self) -> str:
        """The name of the first stands for all."""
        return self.members[0].table

    @property
    def sources(self) -> tuple[str, ...]:
        """The tables that they are made of."""
        return self.members[0].sources

    @property
    def key(self) -> str:
        """The column that is their key."""
        return self.members[0].key

    @property
    def by_profile(self) -> bool:
        """Whether the key is the profile of a row's subject."""
        return self.members[0].by_profile


@dataclass(frozen=True)
class Plan:
    """Everything that a worker needs to know. It travels to workers, so it holds values only.

    `keys` has the key columns of each table whose rows are wanted; what no wanted table is made of is not computed.
    Without `digests` rows are written, but nothing to compare them by. `parked` are positions that the projection left
    out. `memberships` is a file, see `pipelines.memberships`.
    """

    declared: Declared
    keys: Mapping[str, Sequence[str]]
    timezone: str
    up_to: int
    folder: str
    parked: frozenset[int] = frozenset()
    memberships: str | None = None
    opening: Opening = field(default_factory=ClearParts)
    digests: bool = True

    @cached_property
    def entities(self) -> dict[str, Entities]:
        """The entity tables that are needed."""
        return {each.table: each for each in self.declared.entities if each.table in self._needed}

    @cached_property
    def rollups(self) -> dict[str, Rollup]:
        """The rollups that are needed: for themselves, for the values of a distinct figure, or for other rollups."""
        return {each.table: each for each in self.declared.rollups if each.table in self._needed}

    @cached_property
    def facts(self) -> list[str]:
        """The fact tables that are needed."""
        return [each.table for each in self.declared.facts if each.table in self._needed]

    @cached_property
    def levels(self) -> dict[str, int]:
        """The level of each table."""
        levels = {each.table: 0 for each in self.declared.facts}
        for entities in self.declared.entities:
            levels[entities.table] = 1 + max(levels[source] for source in entities.sources)
        for rollup in self.declared.rollups:
            levels[rollup.table] = 1 + levels[rollup.source]
        return levels

    @cached_property
    def depth(self) -> int:
        """The highest level that is needed."""
        return max((self.levels[table] for table in (*self.entities, *self.rollups)), default=0)

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """The columns and keys of the wanted tables."""
        tables = tables_of(self.declared)
        return {name: Layout(tables[name].columns, key) for name, key in self.keys.items()}

    @cached_property
    def families(self) -> list[Family]:
        """The entity tables that are needed; those that are made of the same rows by the same key stand together."""
        found: dict[Any, list[Entities]] = {}
        for each in self.entities.values():
            found.setdefault((each.sources, each.key, each.by_profile), []).append(each)
        return [Family(tuple(members)) for members in found.values()]

    def places(self, source: str) -> Iterator[tuple[Family, int]]:
        """The families that are made of a table, with its place among their sources."""
        for family in self.families:
            if source in family.sources:
                yield family, family.sources.index(source)

    def address(self, table: str, bucket: int) -> str:
        """Where rows for a bucket of a table go: level, table, bucket."""
        return address(self.levels[table], table, bucket)

    def worker(self) -> Worker:
        """The tools of one worker."""
        from pipelines.production import Production

        return Production(self)

    @cached_property
    def _needed(self) -> Collection[str]:
        needed = {owner_of(self.declared, table) for table in self.keys}
        sources: dict[str, Sequence[str]] = {each.table: each.sources for each in self.declared.entities}
        sources |= {each.table: (each.source,) for each in self.declared.rollups}
        waiting = list(needed)
        while waiting:
            found = set(sources.get(waiting.pop(), ())) - needed
            needed |= found
            waiting += found
        return needed


def tables_of(declared: Declared) -> dict[str, Table]:
    """Every table that a declaration gives, those of distinct figures' values included."""
    tables = {name: Table(columns_of(row), None) for name, row in declared.rows.items()}
    for rollup in declared.rollups:
        columns = {name: _trimmed(kind) for name, kind in rollup.columns.items()}
        tables[rollup.table] = Table(columns, tuple(rollup.keys))
        for name, figure in rollup.distinct.items():
            keys = {key: columns[key] for key in rollup.keys}
            of_values = {**keys, "value": _trimmed(figure.type), "rows": "int8"}
            tables[values_table(rollup, name)] = Table(of_values, (*rollup.keys, "value"))
    return tables


def values_table(rollup: Rollup, figure: str) -> str:
    """The name of the table that counts the values of a distinct figure."""
    return f"{rollup.table}_{figure}"


def owner_of(declared: Declared, table: str) -> str:
    """The rollup to which a table of values belongs; any other table itself."""
    for rollup in declared.rollups:
        if table in (values_table(rollup, name) for name in rollup.distinct):
            return rollup.table
    return table


def _trimmed(sql_type: str) -> str:
    return TRIMMED if sql_type == "numeric" else sql_type
