"""A dry run: every item is made and judged as in an import, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable

from cdp.imports.chunk import Chunk, Refusal, chunks
from cdp.imports.reading import Reading
from cdp.imports.storing import credential_of, delivery_of, refusal_of
from cdp.ingest.intake import Intake
from cdp.platform import Platform
from cdp.sources.files.portion import Progress
from cdp.sources.rejection import Rejected
from cdp.sources.source import Source

SHOWN = 3
_REMARKS = {
    "future": "the time lies in the future",
    "time_missing": "no time: the moment of the import counts",
}


class Trial:
    """`first` are the first items that would be taken; `flags` are remarks on items that would be taken nonetheless."""

    def __init__(self, platform: Platform, source: Source) -> None:
        place = (platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan)
        self._intake = Intake(*place)
        self._credential = credential_of(source)
        self.items = 0
        self.first: list[bytes] = []
        self.refusals: dict[Refusal, tuple[int, int]] = {}
        self.flags: dict[Refusal, tuple[int, int]] = {}

    def run(self, reading: Reading, report: Callable[[str, Progress], None]) -> None:
        """Reads all of it. Raises `FileProblem`."""
        reading.survey(lambda progress: report("checking", progress))
        for chunk in chunks(reading.items(lambda progress: report("trying", progress))):
            self._judge(chunk)

    def _judge(self, chunk: Chunk) -> None:
        judged = self._intake.judge(delivery_of(chunk, self._credential))
        for data, row, item in zip(chunk.items, chunk.first_rows, judged.items, strict=True):
            if isinstance(item, Rejected):
                _count(self.refusals, refusal_of(item), row)
                continue
            self.items += 1
            if len(self.first) < SHOWN:
                self.first.append(data)
            for flag in item.flags:
                _count(self.flags, Refusal(flag, _REMARKS.get(flag, "")), row)


def _count(sums: dict[Refusal, tuple[int, int]], refusal: Refusal, row: int) -> None:
    count, first = sums.get(refusal, (0, row))
    sums[refusal] = (count + 1, first)
