"""Importing a file: survey it, store it chunk by chunk, go on where an earlier attempt stopped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from cdp.imports.chunk import VERSION, Chunk, Refusal, Stored, add_refusals, chunks
from cdp.imports.crew import Crew, Hands
from cdp.imports.ledger import NOTHING, Books, Import, Ledger, What
from cdp.imports.reading import Reading
from cdp.imports.storing import Storing
from cdp.platform import Platform
from cdp.setup import InvalidSetup
from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.opening import file_digest
from cdp.sources.files.portion import Progress
from cdp.sources.source import Source

Report = Callable[[str, Progress], None]
"""Is told what is being done and how far it is."""


@dataclass
class Result:
    """What an import came to. `earlier` is when it was finished before, in which case nothing was done now."""

    books: Books
    skipped: Counter[str] = field(default_factory=Counter)
    refusals: dict[Refusal, tuple[int, int]] = field(default_factory=dict)
    earlier: datetime | None = None
    resumed: bool = False


class Importer:
    """Imports files into one platform. With no `workers` it stores in its own process."""

    def __init__(self, platform: Platform, workers: int, actor: str) -> None:
        self._platform = platform
        self._workers = workers
        self._actor = actor
        self._ledger = Ledger(platform.databases.log)

    def run(self, path: Path, source: Source, mapping: FileMapping, report: Report, again: bool = False) -> Result:
        """Imports a file, or what is missing of it.

        Raises `FileProblem` before anything is stored, `ImportRunning`, and `ImportStopped`.
        """
        check_enabled(source)
        report("checking", Progress(0, None))
        what = What(source.id, file_digest(path), _digest(mapping), mapping.text)
        opened = self._ledger.opened(what, self._actor, datetime.now(UTC), again)
        with closing(Reading(path, mapping)) as reading, opened as begun:
            if begun.finished_at is not None:
                return Result(self._ledger.books(begun.import_id), earlier=begun.finished_at)
            reading.survey(lambda progress: report("checking", progress))
            return self._imported(begun, source, reading, report)

    def _imported(self, begun: Import, source: Source, reading: Reading, report: Report) -> Result:
        result = Result(NOTHING, resumed=bool(begun.chunks))
        for stored in self._stored(begun, source.id, reading, report):
            add_refusals(result.refusals, stored.refusals)
        self._ledger.finish(begun.import_id, datetime.now(UTC), reading.rows, reading.skipped.total(), reading.blank)
        result.books = self._ledger.books(begun.import_id)
        result.skipped = reading.skipped
        return result

    def _stored(self, begun: Import, source: UUID, reading: Reading, report: Report) -> Iterator[Stored]:
        missing = (
            chunk
            for chunk in chunks(reading.items(lambda progress: report("importing", progress)))
            if chunk.number not in begun.chunks
        )
        if not self._workers:
            storing = Storing(self._platform, begun.import_id, source)
            yield from map(storing.store, missing)
            return
        with Crew(self._platform.settings, begun.import_id, source, self._workers) as crew:
            yield from _handed(crew, missing)


def _handed(hands: Hands, missing: Iterator[Chunk]) -> Iterator[Stored]:
    for chunk in missing:
        yield from hands.store(chunk)
    yield from hands.rest()


def check_enabled(source: Source) -> None:
    """Raises `InvalidSetup` for a source from which nothing is accepted any more."""
    if source.disabled:
        raise InvalidSetup(f"the source {source.name!r} is disabled; import into another one")


def _digest(mapping: FileMapping) -> bytes:
    return hashlib.sha256(f"{VERSION}\n{mapping.text}".encode()).digest()
