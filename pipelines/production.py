"""What a worker does with one element: extract facts of a portion, fold the entities or sum up the figures of a bucket.

Everything here is made of the declaration's own functions, which also run live; no pipeline engine is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal
from operator import itemgetter
from typing import Any, get_args, get_type_hints

from cdp.log.touchpoint import Touchpoint
from pipelines.archive.form import to_events
from pipelines.archive.reading import Portion, read_portion
from pipelines.buckets import Codec, bucketed
from pipelines.kinds import tuple_of
from pipelines.memberships import Memberships
from pipelines.opening import Opener
from pipelines.output import Output
from pipelines.plan import Plan, values_table
from pipelines.sums import Sums
from pipelines.surroundings import batch_surroundings
from pipelines.work import Made, Packet, Result
from projections.copying import columns_of
from projections.entities import Entities
from projections.facts import Facts, Row

SLICE = 4_096
"""Events that are opened at a time."""


class ExtractFailed(Exception):
    """A declaration cannot digest an event that it digested live, or should have parked."""

    def __init__(self, table: str, position: int, error: Exception) -> None:
        super().__init__(
            f"the facts of {table} fail with {type(error).__name__} at position {position}, which the projector did "
            "not park; the code here is not what the projector runs: restart it, then reconcile again"
        )


class Production:
    """A worker's tools for one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._rows = plan.declared.rows
        self._facts = [each for each in plan.declared.facts if each.table in plan.facts]
        self._surroundings = batch_surroundings(plan.timezone)
        self._memberships = Memberships.load(plan.memberships)
        self._held = ExitStack()
        self._opener: Opener | None = None

    def extract(self, portion: Portion) -> Iterator[Made]:
        """The facts of a portion of the archive, and what is made of them at once."""
        part = f"{portion.path.rpartition('/')[2].partition('.')[0]}-{portion.row_group}"
        makers = {facts.table: _Maker(self, facts.table, part) for facts in self._facts}
        rows = read_portion(portion, self.plan.opening.columns, self.plan.up_to)
        for start in range(0, len(rows), SLICE):
            touchpoints = self._open(rows.slice(start, SLICE))
            for facts in self._facts:
                yield from makers[facts.table].add(self._extracted(facts, touchpoints))
        for maker in makers.values():
            yield from maker.close()

    def step(self, address: str, contents: Iterable[bytes]) -> Iterator[Made]:
        """What a step makes of all rows that were sent to one of its buckets."""
        _, table, bucket = address.split("/")
        if table in self.plan.rollups:
            yield from self._sum_up(table, bucket, contents)
        else:
            yield from self._fold(self.plan.entities[table], bucket, contents)

    def close(self) -> None:
        """Lets go of the opener."""
        self._held.close()

    def keyed(self, entities: Entities, rows: Iterable[Any]) -> list[tuple[Any, Row]]:
        """The rows that an entity table needs, each with its key."""
        if entities.by_profile:
            pairs = ((self._memberships.profile(row), row) for row in rows)
        else:
            pairs = ((getattr(row, entities.key), row) for row in rows)
        return [pair for pair in pairs if pair[0] is not None]

    def _open(self, rows: Any) -> list[Touchpoint]:
        events = [event for event in to_events(rows) if event.position not in self.plan.parked]
        if self._opener is None:
            self._opener = self._held.enter_context(self.plan.opening.opened())
        return self._opener.open(events)

    def _extracted(self, facts: Facts, touchpoints: Sequence[Touchpoint]) -> list[Row]:
        try:
            return facts.rows(touchpoints, self._surroundings)
        except Exception as error:
            for touchpoint in touchpoints:
                try:
                    facts.rows([touchpoint], self._surroundings)
                except type(error) as alone:
                    raise ExtractFailed(facts.table, touchpoint.position, alone) from alone
            raise

    def _fold(self, entities: Entities, bucket: str, contents: Iterable[bytes]) -> Iterator[Made]:
        codecs: list[Codec[tuple[Any, Row]]] = [
            Codec(keyed_type(entities, self._rows, source)) for source in entities.sources
        ]
        gathered: dict[Any, list[list[Row]]] = {}
        for content in contents:
            place = content[0]
            for key, row in codecs[place].unpack(content[1:]):
                gathered.setdefault(key, [[] for _ in codecs])[place].append(row)
        maker = _Maker(self, entities.table, bucket)
        yield from maker.add(entities.rows(gathered))
        yield from maker.close()

    def _sum_up(self, table: str, bucket: str, contents: Iterable[bytes]) -> Iterator[Made]:
        rollup = self.plan.rollups[table]
        sums = Sums(rollup)
        sums.merge(contents)
        yield from self._output(table, bucket, sums.rows())
        for name in rollup.distinct:
            yield from self._output(values_table(rollup, name), bucket, sums.value_rows(name))

    def _output(self, table: str, part: str, rows: list[tuple[Any, ...]]) -> Iterator[Result]:
        if table in self.plan.layouts:
            output = Output(self.plan.folder, table, part, self.plan.layouts[table])
            output.add(rows)
            yield from map(Result, output.close())


class _Maker:
    """Passes on the rows of one table that one part of the work makes: to the output, to entities and to rollups."""

    def __init__(self, production: Production, table: str, part: str) -> None:
        plan = production.plan
        self._production = production
        self._plan = plan
        self._entities = list(plan.places(table))
        row = plan.declared.rows[table]
        self._sums = [Sums(rollup) for rollup in plan.rollups.values() if rollup.source == table]
        layout = plan.layouts.get(table)
        self._output = Output(plan.folder, table, part, layout) if layout else None
        self._decimals = decimal_places(row) if self._entities else []

    def add(self, rows: list[Row]) -> Iterator[Packet]:
        """Takes rows in; those that entities need go out at once."""
        if not rows:
            return
        if self._output:
            self._output.add(rows)
        for sums in self._sums:
            sums.add(rows)
        if self._entities:
            rows = [as_stored(row, self._decimals) for row in rows]
        for entities, place in self._entities:
            keyed = self._production.keyed(entities, rows)
            for bucket, found in bucketed(keyed, itemgetter(0)).items():
                yield Packet(self._plan.address(entities.table, bucket), bytes([place]) + Codec.pack(found))

    def close(self) -> Iterator[Made]:
        """What was summed up, and what is to be noted of the rows."""
        for sums in self._sums:
            for bucket, parts in sums.parts():
                yield Packet(self._plan.address(sums.rollup.table, bucket), parts)
        if self._output:
            yield from map(Result, self._output.close())


def decimal_places(row: Any) -> list[int]:
    """The places of a row type's columns that are decimals."""
    return [place for place, sql_type in enumerate(columns_of(row).values()) if sql_type == "numeric"]


def as_stored(row: Any, decimals: Sequence[int]) -> Any:
    """A row as it is read back from a database, where 1E+2 is 100."""
    if any(row[place] is not None and "E" in str(row[place]) for place in decimals):
        return type(row)(*(Decimal(format(each, "f")) if isinstance(each, Decimal) else each for each in row))
    return row


def keyed_type(entities: Entities, rows: Mapping[str, Any], source: str) -> Any:
    """The type of a source row on its way to an entity table, with its key before it."""
    row = rows[source]
    key = str if entities.by_profile else _present(get_type_hints(row)[entities.key])
    return tuple_of((key, row))


def _present(hint: Any) -> Any:
    """`X | None` without None."""
    [present] = [each for each in get_args(hint) or (hint,) if each is not type(None)]
    return present
