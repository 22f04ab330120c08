"""Memberships: from when to when a subject's touchpoints belong to which profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cdp.identity.belief import Usable
from cdp.identity.findings import Membership
from cdp.identity.turns import Authentication, Turn, turns


@dataclass(frozen=True, slots=True)
class Belongings:
    """What says whose a touchpoint is.

    `people` are the profiles of exclusive identifiers, and of shareable ones that a steward joined to those;
    `anonymous` the profiles of shareable identifiers among themselves. `authenticated` has who authenticated on
    shareable identifiers that follow somebody, `window` says for how long each follows; None is for ever.
    """

    people: Mapping[int, str]
    anonymous: Mapping[int, str]
    authenticated: Mapping[int, Sequence[Authentication]]
    window: Callable[[int], timedelta | None]
    remembered: dict[int, list[Turn]] = field(default_factory=dict)

    def memberships(self, subject: int, usable: Usable) -> Sequence[Membership]:
        """The memberships of one subject, in the order of time; none if nothing says whose it is."""
        exclusive, shareable = usable
        if exclusive:
            return (Membership(subject, None, None, self.people[exclusive[0]]),)
        for number in shareable:
            if number in self.people:
                return (Membership(subject, None, None, self.people[number]),)
            if number in self.authenticated:
                return list(self._in_turns(subject, number, shareable))
        return (Membership(subject, None, None, self.anonymous[shareable[0]]),) if shareable else ()

    def _in_turns(self, subject: int, deciding: int, shareable: Sequence[int]) -> Iterator[Membership]:
        """When it is nobody's turn the subject belongs to the shareable identifiers' own group."""
        if deciding not in self.remembered:
            self.remembered[deciding] = turns(self.authenticated[deciding], self.window(deciding))
        alone = next((self.anonymous[number] for number in shareable if number in self.anonymous), None)
        for start, end, profile in self.remembered[deciding]:
            if profile is not None or alone is not None:
                yield Membership(subject, start, end, profile or alone or "")

    def profiles(self) -> dict[int, str]:
        """The profile of each identifier that has exactly one."""
        following_nobody = {n: profile for n, profile in self.anonymous.items() if n not in self.authenticated}
        return {**self.people, **following_nobody}
