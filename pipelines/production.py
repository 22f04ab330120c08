"""What a worker does with one element: extract facts of a portion, fold the entities or sum up the figures of a bucket.

Everything here is made of the declaration's own functions, which also run live; no pipeline engine is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any

from cdp.log.touchpoint import Touchpoint
from pipelines.archive.form import to_events
from pipelines.archive.reading import Portion, read_slices
from pipelines.opening import Opener
from pipelines.plan import Plan, values_table
from pipelines.routing import Gathering, Router, written
from pipelines.sums import Sums
from pipelines.surroundings import batch_surroundings
from pipelines.work import Made, Packet
from projections.facts import Facts, Row

KEYS = 2_048
"""Keys whose entities are folded at a time."""


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
        self._plan = plan
        self._facts = [each for each in plan.declared.facts if each.table in plan.facts]
        self._families = {family.name: family for family in plan.families}
        self._gatherings = {family.name: Gathering(family, plan.declared.rows) for family in plan.families}
        self._surroundings = batch_surroundings(plan.timezone)
        self._router = Router(plan)
        self._held = ExitStack()
        self._opener: Opener | None = None

    def extract(self, portion: Portion) -> Iterator[Made]:
        """The facts of a portion of the archive, and what is made of them at once."""
        part = f"{portion.path.rpartition('/')[2].partition('.')[0]}-{portion.row_group}"
        outputs = {facts.table: self._router.output(facts.table, part) for facts in self._facts}
        for rows in read_slices(portion, self._plan.opening.columns, self._plan.up_to):
            touchpoints = self._open(rows)
            for facts in self._facts:
                extracted = self._extracted(facts, touchpoints)
                yield from self._router.send(facts.table, extracted, outputs[facts.table])
        for output in outputs.values():
            yield from written(output)

    def step(self, address: str, contents: Iterable[bytes]) -> Iterator[Made]:
        """What a step makes of all rows that were sent to one of its buckets."""
        _, table, bucket = address.split("/")
        if table in self._plan.rollups:
            yield from self._sum_up(table, bucket, contents)
        else:
            yield from self._fold(table, bucket, contents)

    def finish(self) -> Iterator[Packet]:
        """The sums that were kept back."""
        return self._router.finish()

    def close(self) -> None:
        """Lets go of the opener."""
        self._held.close()

    def _open(self, rows: Any) -> list[Touchpoint]:
        events = [event for event in to_events(rows) if event.position not in self._plan.parked]
        if self._opener is None:
            self._opener = self._held.enter_context(self._plan.opening.opened())
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

    def _fold(self, family: str, bucket: str, contents: Iterable[bytes]) -> Iterator[Made]:
        gathered = self._gatherings[family].gathered(contents)
        for entities in self._families[family].members:
            output = self._router.output(entities.table, bucket)
            keys = iter(gathered.items())
            while some := dict(islice(keys, KEYS)):
                yield from self._router.send(entities.table, entities.rows(some), output)
            yield from written(output)

    def _sum_up(self, table: str, bucket: str, contents: Iterable[bytes]) -> Iterator[Made]:
        rollup = self._plan.rollups[table]
        sums = Sums(rollup)
        sums.merge(contents)
        yield from self._router.add_up(table, sums.as_rows())
        if output := self._router.output(table, bucket):
            if sums.plain:
                output.add_groups(sums.groups())
            else:
                output.add(sums.rows())
            yield from written(output)
        for name in rollup.distinct:
            if output := self._router.output(values_table(rollup, name), bucket):
                output.add(sums.value_rows(name))
                yield from written(output)
