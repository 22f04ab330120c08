"""What identity is decided from: which identifiers were seen together, and when."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec


class Moment(NamedTuple):
    """When a touchpoint counts: its effective time, ties by event id."""

    at: datetime
    event: str


class Node(NamedTuple):
    """An identifier as the identity graph knows it.

    `blocked` says that the rules block its value; `first_position` is where the log first showed it.
    """

    number: int
    type: str
    namespace: str
    blocked: bool
    first_position: int


class SubjectSeen(msgspec.Struct, frozen=True, gc=False):
    """Identifiers that were seen together, and when.

    `server` and `public` are the first moments at which a server's source and a public one (a browser, whose write key
    anybody can copy) showed this set; None where none did. `moments` are all its moments, and matter only where the
    subject holds exclusive and shareable identifiers: they are its authentications.
    """

    number: int
    identifiers: tuple[int, ...]
    server: Moment | None = None
    public: Moment | None = None
    moments: tuple[Moment, ...] = ()
