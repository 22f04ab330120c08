"""Importing a file: survey it, store it chunk by chunk, go on where an earlier attempt stopped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

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
            with self._hands(begun, source) as hands:  # their processes start while this one looks the file over
                reading.survey(lambda progress: report("checking", progress))
                return self._imported(begun, reading, hands, report)

    def _hands(self, begun: Import, source: Source) -> AbstractContextManager[Hands]:
        if not self._workers:
            return nullcontext(Alone(Storing(self._platform, begun.import_id, source.id)))
        return Crew(self._platform.settings, begun.import_id, source.id, self._workers)

    def _imported(self, begun: Import, reading: Reading, hands: Hands, report: Report) -> Result:
        result = Result(NOTHING, resumed=bool(begun.chunks))
        for chunk in chunks(reading.items(lambda progress: report("importing", progress))):
            if chunk.number not in begun.chunks:
                _add(result, hands.store(chunk))
        _add(result, hands.rest())
        left_out = (reading.skipped.total(), reading.blank)
        self._ledger.finish(begun.import_id, datetime.now(UTC), reading.rows, *left_out)
        result.books = self._ledger.books(begun.import_id)
        result.skipped = reading.skipped
        return result


class Alone:
    """Stores chunks in this process."""

    def __init__(self, storing: Storing) -> None:
        self._storing = storing

    def store(self, chunk: Chunk) -> Iterable[Stored]:
        """At once."""
        return [self._storing.store(chunk)]

    def rest(self) -> Iterable[Stored]:
        """Nothing is left."""
        return []


def _add(result: Result, stored: Iterable[Stored]) -> None:
    for each in stored:
        add_refusals(result.refusals, each.refusals)


def check_enabled(source: Source) -> None:
    """Raises `InvalidSetup` for a source from which nothing is accepted any more."""
    if source.disabled:
        raise InvalidSetup(f"the source {source.name!r} is disabled; import into another one")


def _digest(mapping: FileMapping) -> bytes:
    return hashlib.sha256(f"{VERSION}\n{mapping.text}".encode()).digest()
