"""Where rows go: to the output, to the entities that are made of them, and into sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, get_args, get_type_hints

from pipelines.buckets import Codec, bucketed
from pipelines.kinds import tuple_of
from pipelines.memberships import Memberships
from pipelines.output import Output
from pipelines.plan import Family, Plan
from pipelines.sums import Sums
from pipelines.work import Packet, Result
from projections.columns import Columns
from projections.copying import columns_of
from projections.facts import Row

KEPT_GROUPS = 2_000_000
"""How many groups of all rollups together are summed up before some are sent on: about 200 bytes each."""

Keyed = tuple[Any, Row]
"""A row with the key under which an entity table takes it."""


class Router:
    """Passes on the rows that one worker makes. Sums are kept back, so that a group is sent once for many rows."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._memberships = Memberships.load(plan.memberships)
        self._sums = {name: Sums(rollup) for name, rollup in plan.rollups.items()}
        self._places = {table: list(plan.places(table)) for table in plan.declared.rows}
        self._decimals = {table: decimal_places(row) for table, row in plan.declared.rows.items()}

    def output(self, table: str, part: str) -> Output | None:
        """Where the rows of a table are written that one part of the work makes; None where nobody wants them."""
        if table not in self._plan.keys:
            return None
        layout = self._plan.layouts[table] if self._plan.digests else None
        return Output(self._plan.folder, table, part, layout)

    def send(self, table: str, rows: list[Row], output: Output | None) -> Iterator[Packet]:
        """Passes on rows of a table. What entities need goes out at once."""
        if output:
            output.add(rows)
        yield from self.add_up(table, Columns(rows))
        if self._places[table]:
            rows = [as_stored(row, self._decimals[table]) for row in rows]
            for family, place in self._places[table]:
                yield from self._to_entities(family, place, rows)

    def add_up(self, source: str, rows: Columns) -> Iterator[Packet]:
        """Adds rows of a table to the rollups that are made of them."""
        for name, rollup in self._plan.rollups.items():
            if rollup.source == source:
                self._sums[name].add(rows)
        if sum(map(len, self._sums.values())) > KEPT_GROUPS:
            yield from self._flush(max(self._sums, key=lambda each: len(self._sums[each])))

    def finish(self) -> Iterator[Packet]:
        """The sums that were kept back."""
        for name in self._sums:
            yield from self._flush(name)

    def _flush(self, name: str) -> Iterator[Packet]:
        sums = self._sums[name]
        self._sums[name] = Sums(sums.rollup)
        for bucket, parts in sums.parts():
            yield Packet(self._plan.address(name, bucket), parts)

    def _to_entities(self, family: Family, place: int, rows: list[Row]) -> Iterator[Packet]:
        keyed = [pair for pair in self._keyed(family, rows) if pair[0] is not None]
        for bucket, found in bucketed(keyed, itemgetter(0)).items():
            yield Packet(self._plan.address(family.name, bucket), bytes([place]) + Codec.pack(found))

    def _keyed(self, family: Family, rows: Iterable[Any]) -> Iterable[Keyed]:
        if family.by_profile:
            return [(self._memberships.profile(row), row) for row in rows]
        return [(getattr(row, family.key), row) for row in rows]


class Gathering:
    """Puts the rows together that were sent to an entity family."""

    def __init__(self, family: Family, rows: Mapping[str, Any]) -> None:
        self._codecs: list[Codec[Keyed]] = [Codec(_keyed_type(family, rows[source])) for source in family.sources]

    def gathered(self, contents: Iterable[bytes]) -> dict[Any, list[list[Row]]]:
        """By key: the rows of each source."""
        found: dict[Any, list[list[Row]]] = {}
        for content in contents:
            place = content[0]
            for key, row in self._codecs[place].unpack(memoryview(content)[1:]):
                if key not in found:
                    found[key] = [[] for _ in self._codecs]
                found[key][place].append(row)
        return found


def written(output: Output | None) -> Iterator[Result]:
    """What is to be noted of an output that is complete."""
    if output:
        yield from map(Result, output.close())


def decimal_places(row: Any) -> list[int]:
    """The places of a row type's columns that are decimals."""
    return [place for place, sql_type in enumerate(columns_of(row).values()) if sql_type == "numeric"]


def as_stored(row: Any, decimals: Sequence[int]) -> Any:
    """A row as it is read back from a database, where 1E+2 is 100."""
    if any(row[place] is not None and "E" in str(row[place]) for place in decimals):
        return type(row)(*(Decimal(format(each, "f")) if isinstance(each, Decimal) else each for each in row))
    return row


def _keyed_type(family: Family, row: Any) -> Any:
    return tuple_of((str if family.by_profile else _present(get_type_hints(row)[family.key]), row))


def _present(hint: Any) -> Any:
    """`X | None` without None."""
    [present] = [each for each in get_args(hint) or (hint,) if each is not type(None)]
    return present
