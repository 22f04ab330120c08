"""Aggregates of which every event says who brought it about, sealed apart from what stays in the clear."""

from __future__ import annotations

from typing import ClassVar

from eventsourcing.domain import Aggregate

Personal = tuple[str, ...]


class Accountable(Aggregate):
    """What people set up and decide. `PERSONAL` names the fields of an event that are sealed under a key of its own
    stream and day, and read as None once that is destroyed; an event with more of them names them all."""

    class Created(Aggregate.Created):
        """The first event of a stream."""

        PERSONAL: ClassVar[Personal] = ("actor",)
        actor: str

    class Event(Aggregate.Event):
        """Any later event."""

        PERSONAL: ClassVar[Personal] = ("actor",)
        actor: str
