"""What identity has stored about identifiers and subjects, and what whoever resolves them asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from cdp.identity.evidence import Moment, Node, SubjectSeen

FAN_OUT = "fan_out"
CLOSED = frozenset({FAN_OUT, "value", "steward"})
"""Verdicts under which nobody need look at what an identifier was seen with: it connects nothing."""


class KnownIdentifier(NamedTuple):
    """An identifier, what is said of it now, and its profile if it has exactly one.

    `verdict` is the detail of the verdict on it, None where it may link. `server` says that a server's source showed
    it. `in_turns` says that what is anonymous on it belongs to several profiles in turns.
    """

    node: Node
    verdict: str | None = None
    server: bool = False
    in_turns: bool = False
    profile: str | None = None


class Sighted(NamedTuple):
    """A set of identifiers seen together, and when each source first showed it."""

    numbers: tuple[int, ...]
    first: Mapping[UUID, Moment]

    def seen(self, subject: int, public: Collection[UUID]) -> SubjectSeen:
        """As resolution takes it, when these sources are the public ones. Of its moments it has only the first, which
        is enough where nobody takes turns."""
        server, shown = None, None
        for source, moment in self.first.items():
            if source in public:
                shown = moment if shown is None else min(shown, moment)
            else:
                server = moment if server is None else min(server, moment)
        moments = (min(self.first.values()),) if len(self.numbers) > 1 else ()
        return SubjectSeen(subject, self.numbers, server, shown, moments)


class Authenticated(NamedTuple):
    """A subject of this profile authenticated on a shareable identifier."""

    number: int
    subject: int
    profile: str


class Shown(Protocol):
    """What the log showed, as far as somebody's question goes. Each call is for many at once."""

    def holders(self, numbers: Collection[int]) -> list[SubjectSeen]:
        """The subjects that hold one of these identifiers."""
        ...

    def identifiers(self, numbers: Collection[int]) -> Mapping[int, KnownIdentifier]:
        """These identifiers."""
        ...

    def aged(self, nodes: Mapping[int, Node]) -> Mapping[int, Node]:
        """The identifiers with the positions at which they were first seen, as far as their holders were asked for."""
        ...

    def hand_overs(self, authenticated: Sequence[Authenticated], every: bool) -> Mapping[int, tuple[Moment, ...]]:
        """When these subjects authenticated, by subject: of the moments of one profile on one identifier that follow
        upon each other the first, or with `every` all."""
        ...
