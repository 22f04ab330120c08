"""What goes into the log and what comes out of it, as the recorder sees it: bytes with an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from cdp.log.parts import leaf_hash

ACCEPTED: Literal["accepted"] = "accepted"
DUPLICATE: Literal["duplicate"] = "duplicate"
CONFLICT: Literal["conflict"] = "conflict"


@dataclass(frozen=True)
class PartedEvent(StoredEvent):
    """A stored event with more than a header: `state` is the header, beside it the business and personal parts.

    `redacted` names the parts that are only their digest now: `business`, or a field class of `personal`.
    """

    business: bytes | None = None
    personal: bytes | None = None
    redacted: tuple[str, ...] = ()


class NewEvent(NamedTuple):
    """An event to append. The log assigns position, version and time of recording.

    `message` is the keyed hash of (source, message id), known for ever; `fingerprint` the keyed hash of the content,
    by which a repetition is told from a conflict.
    """

    originator_id: UUID
    topic: str
    header: bytes
    business: bytes | None
    personal: bytes | None
    message: bytes
    fingerprint: bytes


class Outcome(NamedTuple):
    """What became of one appended event: accepted at `position`, or duplicate of or in conflict with the one there."""

    kind: Literal["accepted", "duplicate", "conflict"]
    position: int


class RecordedEvent(NamedTuple):
    """An event as the log holds it."""

    position: int
    originator_id: UUID
    version: int
    topic: str
    recorded_at: datetime
    header: bytes
    business: bytes | None
    personal: bytes | None
    redacted: tuple[str, ...] = ()

    def leaf(self) -> bytes:
        """The event's leaf in the Merkle tree, 32 bytes."""
        return leaf_hash(
            self.position,
            self.version,
            self.recorded_at,
            originator_id=self.originator_id,
            topic=self.topic,
            header=self.header,
            business=self.business,
            personal=self.personal,
            redacted=self.redacted,
        )


class Head(NamedTuple):
    """The end of the log. `incarnation` changes when the log is restored to an earlier state."""

    position: int
    recorded_at: datetime | None
    incarnation: UUID


class LogHeadMissing(Exception):
    """The table log_head has no row, which the first migration puts there: restore the log from a backup."""

    def __init__(self) -> None:
        super().__init__("the table log_head has no row, where expected is the log's last position; restore a backup")
