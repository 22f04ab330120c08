"""What identity resolution finds: memberships, verdicts on identifiers, links that hold and links that are withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cdp.identity.evidence import Moment


class Membership(NamedTuple):
    """From `start` (included) to `end` (not included) the subject's touchpoints belong to the profile. None is open."""

    subject: int
    start: Moment | None
    end: Moment | None
    profile: str


VerdictCode = Literal["blocked", "ambiguous"]
VerdictDetail = Literal["value", "steward", "limit", "fan_out"]


class Verdict(NamedTuple):
    """Why an identifier links nobody.

    `blocked` by its `value` or by a `steward`; `ambiguous` past a `limit` (it was seen with `seen` values of `type` in
    `namespace`, where `allowed` are) or past its own `fan_out` (seen with `seen` others).
    """

    code: VerdictCode
    detail: VerdictDetail
    seen: int = 0
    allowed: int = 0
    type: str = ""
    namespace: str = ""


WithheldReason = Literal["cannot_link", "limit", "size_cap", "public_source"]


class Withheld(NamedTuple):
    """A link that was seen (or decided: `moment` is None) but does not join, and what it collides with.

    `collision` are the identifiers concerned: for `cannot_link` the pair that a steward keeps apart; for `limit` the
    `reached` values of `type` in `namespace` that would be together where `allowed` are; for `public_source` one
    identifier known to a server's source from each side. For `size_cap` the group would have `reached` identifiers.
    """

    a: int
    b: int
    moment: Moment | None
    reason: WithheldReason
    collision: tuple[int, ...] = ()
    type: str = ""
    namespace: str = ""
    reached: int = 0
    allowed: int = 0


LinkKind = Literal["same touchpoint", "steward", "last authenticated"]


class Link(NamedTuple):
    """Two identifiers that are one person's: seen in one touchpoint, first at `moment`, or joined by a steward.

    `public` says that no server's source showed it. A steward's link has the `position` of the decision.
    """

    a: int
    b: int
    kind: LinkKind
    moment: Moment | None = None
    public: bool = False
    position: int | None = None


@dataclass(frozen=True)
class Resolution:
    """What the rules make of the subjects.

    `profiles` holds the group of each identifier that has exactly one: exclusive ones, and shareable ones that follow
    nobody. `memberships` is in the order of the subjects given, then of time. `verdicts` has the identifiers that link
    nobody; `withheld` and `links` say of each pair of other identifiers seen together whether it joins.
    """

    profiles: Mapping[int, str]
    memberships: Sequence[Membership]
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    withheld: Sequence[Withheld] = field(default=())
    links: Sequence[Link] = field(default=())
