"""Parked events: what a live projection could not digest, and what came after it under the same keys.

An event that cannot be digested is left out, with the keys that the projection declares for it (its subject, or the
key of an entity); later events of a parked key are left out too, so that no row is made of half of what is known. A
retry or a rebuild takes them in. Nothing stored here is data: positions, types of errors, and hashes of keys.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol, runtime_checkable

from cdp.log.events import RecordedEvent
from cdp.log.header import decode_header
from cdp.log.touchpoint import Touchpoint
from projections.checkpoint import Checkpoint
from projections.contract import Connected, Projection

_PARK = """
insert into engine.parked (projection, version, position, error)
values (%s, %s, %s, %s)
on conflict do nothing
"""
_PARK_KEY = """
insert into engine.parked_keys (projection, version, key, position)
values (%s, %s, %s, %s)
on conflict do nothing
"""

_FAIL = """
insert into engine.failures (projection, version, position, error)
values (%s, %s, %s, %s)
on conflict (projection)
do update set version = excluded.version, position = excluded.position, error = excluded.error
"""

_logger = logging.getLogger(__name__)


class KeyParked(Exception):
    """An earlier event of the same key could not be digested: mend the projection, then `cdp projection retry`."""


@runtime_checkable
class Keyed(Protocol):
    """A projection whose events depend on earlier ones of the same keys."""

    def keys(self, touchpoint: Touchpoint) -> Iterable[str]:
        """The keys that are parked when this touchpoint cannot be digested."""
        ...


class ParkedEvent(NamedTuple):
    """An event that a projection left out, and why: the type of the error."""

    position: int
    error: str


def subject_key(touchpoint: Touchpoint) -> tuple[str, ...]:
    """The subject, for projections that keep rows by subject or by profile."""
    subject = touchpoint.header.subject
    return () if subject is None else (str(subject),)


def keys_of(projection: Projection, touchpoint: Touchpoint) -> frozenset[int]:
    """The keys of a touchpoint, hashed; none where the projection declares none or cannot tell them."""
    if not isinstance(projection, Keyed):
        return frozenset()
    try:
        return frozenset(map(_hashed, projection.keys(touchpoint)))
    except Exception as error:  # noqa: BLE001 - the event that is asked about is the one that breaks things
        _logger.warning("%s cannot tell the keys of %d: %s", projection.name, touchpoint.position, type(error))
        return frozenset()


def keys_of_recorded(projection: Projection, event: RecordedEvent) -> frozenset[int]:
    """The keys of an event that could not be opened, as far as its header tells them."""
    try:
        header = decode_header(event.header)
    except Exception as error:  # noqa: BLE001 - see above
        _logger.warning("the header at position %d cannot be read: %s", event.position, type(error))
        return frozenset()
    return keys_of(projection, Touchpoint(event.position, event.recorded_at, header, {}, {}))


def _hashed(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big", signed=True)


def takes_late(projection: Projection) -> bool:
    """Whether parked events can be applied at any later time and give the rows of a replay; only if it says so."""
    return bool(getattr(projection, "takes_late", False))


def park(connection: Connected, checkpoint: Checkpoint, position: int, error: Exception) -> None:
    """Notes that a projection left out the event at `position`. Of the error only the type is kept: no data."""
    connection.execute(_PARK, [checkpoint.projection, checkpoint.version, position, _kind(error)])


def note_failure(connection: Connected, checkpoint: Checkpoint, position: int, error: Exception) -> None:
    """Notes that a build was given up at an event."""
    connection.execute(_FAIL, [checkpoint.projection, checkpoint.version, position, _kind(error)])


def _kind(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def park_keys(connection: Connected, checkpoint: Checkpoint, position: int, keys: Iterable[int]) -> None:
    """Notes the keys whose events are left out from `position` on."""
    for key in sorted(keys):
        connection.execute(_PARK_KEY, [checkpoint.projection, checkpoint.version, key, position])


def read_parked_keys(connection: Connected) -> Mapping[tuple[str, int], set[int]]:
    """The parked keys by projection and version."""
    found: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for projection, version, key in connection.execute("select projection, version, key from engine.parked_keys"):
        found[projection, version].add(key)
    return found


def read_parked(connection: Connected, projection: str, limit: int | None = None) -> Sequence[ParkedEvent]:
    """The events that a projection left out, in order."""
    query = "select position, error from engine.parked where projection = %s order by position limit %s"
    return [ParkedEvent(*row) for row in connection.execute(query, [projection, limit])]


def forget_parked(connection: Connected, projection: str) -> None:
    """Whatever was parked has been taken in."""
    for table in ("parked", "parked_keys"):
        connection.execute(f"delete from engine.{table} where projection = %s", [projection])
