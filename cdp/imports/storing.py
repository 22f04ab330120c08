"""Chunks into the log, through the same intake as everything else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from cdp.imports.chunk import Chunk, Refusal, Stored
from cdp.imports.ledger import ChunkKnown, Made, record
from cdp.ingest.delivery import Delivery, ItemResult, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.outcomes import Booked
from cdp.ingest.split import Split
from cdp.log.writer import Writer
from cdp.platform import Platform
from cdp.registry import Credential
from cdp.sources.connectors.files import CONNECTOR
from cdp.sources.rejection import Rejected
from cdp.sources.source import Source

CREDENTIAL = "file-import"
"""What touchpoints of a file name as their credential: no write key, but whoever may run commands."""

_ROW = re.compile(r"\Arow \d+: ")


class Storing(Intake):
    """Takes chunks of one import in; progress is written in the transaction that stores the events."""

    def __init__(self, platform: Platform, import_id: UUID, source_id: UUID) -> None:
        super().__init__(
            platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
        )
        source = platform.registry.source(source_id)
        if source is None:
            raise LookupError(f"there is no source {source_id}")
        self._credential = credential_of(source)
        self._import_id = import_id
        self._chunk = Chunk(0, [], [], [])

    def store(self, chunk: Chunk) -> Stored:
        """Commits a chunk, or nothing of it. Raises the recorder's errors."""
        self._chunk = chunk
        rows = sum(chunk.row_counts)
        try:
            (receipt,) = self.take([delivery_of(chunk, self._credential)])
        except ChunkKnown:
            return Stored(chunk.number, rows, Counter(), {})
        outcomes: Counter[str] = Counter(item.outcome for item in receipt.items)
        return Stored(chunk.number, rows, outcomes, _refusals(chunk, receipt.items))

    def _first_time(self, writer: Writer, booked: Sequence[Booked]) -> None:
        super()._first_time(writer, booked)
        chunk = self._chunk
        for delivery, receipt in booked:
            made = Made(self._import_id, chunk.number, delivery.delivery_id, chunk.first_rows, chunk.row_counts)
            record(writer.cursor, made, [item.outcome for item in receipt.items])


def _refusals(chunk: Chunk, results: Sequence[ItemResult]) -> dict[Refusal, tuple[int, int]]:
    found: dict[Refusal, tuple[int, int]] = {}
    for row, result in zip(chunk.first_rows, results, strict=True):
        if result.rejected is not None:
            refusal = refusal_of(result.rejected)
            count, first = found.get(refusal, (0, row))
            found[refusal] = (count + 1, first)
    return found


def credential_of(source: Source) -> Credential:
    """In whose name rows of this source come."""
    return Credential(source, CREDENTIAL)


def delivery_of(chunk: Chunk, credential: Credential) -> Delivery:
    """A new delivery of a chunk's items, received now."""
    split = Split(chunk.items, {}, None)
    return Delivery(new_delivery_id(), credential, datetime.now(UTC), b"", None, split, CONNECTOR)


def refusal_of(rejected: Rejected) -> Refusal:
    """The kind of problem, without the number of the row."""
    return Refusal(rejected.reason.value, _ROW.sub("", rejected.detail))
