"""The pipeline of any work over the archive, in Apache Beam. Imported only once Beam is known to be there.

Rows are extracted from portions of the archive and travel in buckets to the level that needs them, where each bucket is
worked on as a whole; what was written is noted at the end. All elements are pairs of an address and bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindows

from pipelines.archive.reading import Portion
from pipelines.output import write_parts
from pipelines.work import Made, Result, Work

RESULTS = "results"
Element = tuple[str, bytes]


class _Step(beam.DoFn):
    """Holds a worker's tools."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def setup(self) -> None:
        """Once on each worker."""
        self._worker = self._work.worker()

    def finish_bundle(self) -> Iterator[Any]:
        """What was kept back goes out."""
        for packet in self._worker.finish():
            yield GlobalWindows.windowed_value(tuple(packet))

    def teardown(self) -> None:
        """At the end, if the engine has one."""
        self._worker.close()

    @staticmethod
    def emit(made: Iterable[Made]) -> Iterator[Any]:
        for each in made:
            yield TaggedOutput(RESULTS, each.noted) if isinstance(each, Result) else tuple(each)


class Extract(_Step):
    """Portions of the archive to rows."""

    def process(self, element: tuple[str, int]) -> Iterator[Any]:
        yield from self.emit(self._worker.extract(Portion(*element)))


class Produce(_Step):
    """Buckets of rows to what becomes of them."""

    def process(self, element: tuple[str, Iterable[bytes]]) -> Iterator[Any]:
        yield from self.emit(self._worker.step(*element))


def build(pipeline: Any, work: Work, portions: Sequence[Portion]) -> None:
    """Puts the steps of some work on a pipeline."""
    given = pipeline | "portions" >> beam.Create([tuple(each) for each in portions]) | beam.Reshuffle()
    extracted = given | "extract" >> _with_results(Extract(work))
    packets, results = [extracted.packets], [extracted[RESULTS]]
    for level in range(1, work.depth + 1):
        produced = (
            packets
            | f"packets {level}" >> beam.Flatten()
            | f"of level {level}" >> beam.Filter(_is_of, f"{level}/").with_output_types(Element)
            | f"buckets {level}" >> beam.GroupByKey()
            | f"produce {level}" >> _with_results(Produce(work))
        )
        packets.append(produced.packets)
        results.append(produced[RESULTS])
    (
        results
        | "all results" >> beam.Flatten()
        | "together" >> beam.Map(_together).with_output_types(Element)
        | "gather" >> beam.GroupByKey()
        | "note" >> beam.Map(_note, work.folder).with_output_types(None)
    )


def _with_results(step: _Step) -> Any:
    return beam.ParDo(step).with_output_types(Element, **{RESULTS: bytes}).with_outputs(RESULTS, main="packets")


def _is_of(packet: Element, level: str) -> bool:
    return packet[0].startswith(level)


def _together(noted: bytes) -> Element:
    return "", noted


def _note(gathered: tuple[str, Iterable[bytes]], folder: str) -> None:
    write_parts(folder, gathered[1])
