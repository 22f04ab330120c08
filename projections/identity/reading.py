"""Identity's read side: the group behind an identifier now or at any past moment, and what other rules would change.

Nothing here writes. Whatever is asked of the past is resolved again from the touchpoints selected, by the function that
the projection itself uses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdp.identity.resolution import Membership, Node, Resolution, SubjectSeen
from projections.contract import Connected, Policy, Values
from projections.identity.selection import EVERYTHING, Selection


@dataclass(frozen=True)
class Component:
    """What resolution is given about everything that is connected with some identifiers."""

    subjects: Sequence[SubjectSeen]
    nodes: Mapping[int, Node]


@dataclass(frozen=True)
class Group:
    """A profile: its id, the memberships that make it up, and its identifiers.

    `resolution` is that of its whole surroundings; None where the stored memberships were taken as they are.
    """

    profile: str
    memberships: Sequence[Membership]
    nodes: Mapping[int, Node]
    resolution: Resolution | None


@dataclass(frozen=True)
class Change:
    """What would become of profiles: those `before` that share a subject with one `after` belong together.

    `subjects` and `touchpoints` count those whose profile would be another one.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    subjects: int
    touchpoints: int

    @property
    def kind(self) -> str:
        """`merge`, `split`, or `move` where as many profiles come out as went in."""
        if len(self.before) == len(self.after):
            return "move"
        return "merge" if len(self.before) > len(self.after) else "split"


def group_of(connection: Connected, number: int, policy: Policy, selection: Selection, values: Values) -> Group | None:
    """The group that an identifier leads to, of a shared one that of whoever authenticated on it last.

    `policy` is that at the selection's position. None where the selection does not show the identifier, or where it
    links nobody.
    """
    raise NotImplementedError


def component_of(
    connection: Connected,
    numbers: Collection[int],
    policy: Policy,
    values: Values,
    selection: Selection = EVERYTHING,
) -> Component:
    """What resolution needs to say how these identifiers belong together: for whoever explains it."""
    raise NotImplementedError


def try_rules(connection: Connected, now: Policy, candidate: Policy, values: Values) -> Iterator[Change]:
    """Every profile that would merge or split if `candidate` took the place of `now`, component by component.

    `now` must be what the stored memberships were resolved under.
    """
    raise NotImplementedError
