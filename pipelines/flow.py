"""The pipeline of any work over the archive, in Apache Beam. Imported only once Beam is known to be there.

Rows are extracted from portions of the archive and travel in buckets to the level that needs them, where each bucket is
worked on as a whole; what was written is noted at the end. All elements are pairs of an address and the place where a
packet of rows lies (`pipelines.spill`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindows

from pipelines.archive.reading import Portion
from pipelines.output import write_parts
from pipelines.spill import Spill
from pipelines.work import Made, Packet, Result, Work, level_of

RESULTS = "results"
Element = tuple[str, bytes]


class _Step(beam.DoFn):
    """Holds a worker's tools."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def setup(self) -> None:
        """Once on each worker."""
        self._worker = self._work.worker()
        self._spill = Spill(self._work.folder)

    def finish_bundle(self) -> Iterator[Any]:
        """What was kept back goes out."""
        for packet in self._worker.finish():
            sent = self._sent(packet)
            yield TaggedOutput(sent.tag, GlobalWindows.windowed_value(sent.value))
        self._spill.settle()

    def teardown(self) -> None:
        """At the end, if the engine has one."""
        self._spill.settle()
        self._worker.close()

    def emit(self, made: Iterable[Made]) -> Iterator[TaggedOutput[str, Any]]:
        """Packets to the level that they are addressed to, results to theirs."""
        for each in made:
            yield TaggedOutput(RESULTS, each.noted) if isinstance(each, Result) else self._sent(each)

    def _sent(self, packet: Packet) -> TaggedOutput[str, Any]:
        return TaggedOutput(_tag(level_of(packet.address)), (packet.address, self._spill.put(packet.content)))


class Extract(_Step):
    """Portions of the archive to rows."""

    def process(self, element: tuple[str, int]) -> Iterator[Any]:
        yield from self.emit(self._worker.extract(Portion(*element)))


class Produce(_Step):
    """Buckets of rows to what becomes of them."""

    def process(self, element: tuple[str, Iterable[bytes]]) -> Iterator[Any]:
        address, places = element
        yield from self.emit(self._worker.step(address, map(self._spill.take, places)))


def build(pipeline: Any, work: Work, portions: Sequence[Portion]) -> None:
    """Puts the steps of some work on a pipeline."""
    given = pipeline | "portions" >> beam.Create([tuple(each) for each in portions]) | beam.Reshuffle()
    made = [given | "extract" >> _outputs(Extract(work), range(1, work.depth + 1))]
    for level in range(1, work.depth + 1):
        produced = (
            [each[_tag(level)] for each in made]
            | f"packets {level}" >> beam.Flatten()
            | f"buckets {level}" >> beam.GroupByKey()
            | f"produce {level}" >> _outputs(Produce(work), range(level + 1, work.depth + 1))
        )
        made.append(produced)
    (
        [each[RESULTS] for each in made]
        | "all results" >> beam.Flatten()
        | "together" >> beam.Map(_together).with_output_types(Element)
        | "gather" >> beam.GroupByKey()
        | "note" >> beam.Map(_note, work.folder).with_output_types(None)
    )


def _outputs(step: _Step, levels: range) -> Any:
    """One output for each level that packets may go to, so that no level is given those of another."""
    types = {RESULTS: bytes} | {_tag(level): Element for level in levels}
    return beam.ParDo(step).with_output_types(Element, **types).with_outputs(*types, main="none")


def _tag(level: int) -> str:
    return f"level {level}"


def _together(noted: bytes) -> Element:
    return "", noted


def _note(gathered: tuple[str, Iterable[bytes]], folder: str) -> None:
    write_parts(folder, gathered[1])
