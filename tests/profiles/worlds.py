"""Logs of people who say things about themselves, under changing survivorship rules; and a plain fold over them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from hypothesis import strategies as st

from cdp.identity.findings import Membership
from cdp.log.touchpoint import Touchpoint
from cdp.source_id import source_id
from cdp.survivorship.rules import DEFAULT_SURVIVORSHIP, Rule, Survivorship
from projections.contract import FixedPolicy, Policy, Projection
from projections.discovery import found_projections
from projections.identity.selection import Selection
from tests.projections.world import START, World
from tests.survivorship.oracle import Said, Survivor, Terms, survivor

SOURCES = ("web", "store")
ATTRIBUTES = ("city", "name", "address.street", "address.zip", "tags", "address")

people = st.dictionaries(
    st.sampled_from(["user_id", "email", "anonymous_id"]), st.sampled_from(["1", "2"]), min_size=1, max_size=2
)
traits = st.dictionaries(
    st.sampled_from(["city", "name", "address", "tags"]),
    st.sampled_from(["x", "x", "y", Decimal("1.50"), None, "", ["a"], ["b", "a"], {}, {"street": "s", "zip": 3}]),
    min_size=1,
    max_size=3,
)
rules = st.builds(
    Rule,
    st.sampled_from(["last updated", "first", "most frequent"]),
    st.just(()),
    st.booleans(),
    st.sampled_from([timedelta(hours=4), timedelta(hours=8), None]),
    st.booleans(),
) | st.builds(
    Rule,
    st.sampled_from(["source priority", "verified"]),
    st.lists(st.sampled_from(SOURCES), min_size=1, unique=True).map(tuple),
    st.booleans(),
    st.sampled_from([None, timedelta(hours=3)]),
)
survivorships = st.builds(
    Survivorship, rules, st.dictionaries(st.sampled_from([*ATTRIBUTES, "address.*", "*"]), rules, max_size=4)
)
seen = st.tuples(people, st.integers(0, 12), st.integers(-2, 4), traits)
pairs = st.tuples(people, people).map(lambda both: ("link", *(dict([next(iter(each.items()))]) for each in both)))
told = st.lists(seen, min_size=2, max_size=5)
events = st.builds(
    lambda first, second, third, *decided: [*first, decided[0], *second, decided[1], *third],
    told,
    told,
    told,
    survivorships,
    survivorships | pairs,
)


@dataclass
class Talk(World):
    """A world whose survivorship rules change: `ruled` says which came into force at which position."""

    ruled: dict[int, Survivorship] = field(default_factory=dict)

    def say(self, who: Mapping[str, str], at: float, late: float, said: Mapping[str, Any], source: str) -> None:
        """Appends a touchpoint of a source that rules can name."""
        touchpoint = self.see(who, at=at, late=late, traits=said, channel=source, source=source)
        header = msgspec.structs.replace(touchpoint.header, source=source_id(source))
        self.touchpoints[-1] = msgspec.structs.replace(touchpoint, header=header)

    def rule(self, survivorship: Survivorship) -> None:
        """Appends that other survivorship rules are in force."""
        self.ruled[self._control()] = survivorship

    def at(self, position: int) -> Policy:
        """What was decided up to a position."""
        policy = super().at(position)
        assert isinstance(policy, FixedPolicy)
        last = max((place for place in self.ruled if place <= position), default=0)
        return dataclasses.replace(
            policy, survivorship=self.ruled.get(last, DEFAULT_SURVIVORSHIP), survivorship_version=last
        )


def talk_of(drawn: Iterable[Any]) -> Talk:
    """A log of what was drawn, under an incarnation of its own, so that an engine builds everything anew."""
    world = Talk(incarnation=uuid4())
    for each in drawn:
        if isinstance(each, Survivorship):
            world.rule(each)
        elif each[0] == "link":
            if each[1] != each[2]:
                world.decide("link", each[1], each[2])
        else:
            who, at, late, said = each
            world.say(who, at, late, said, SOURCES[at % 2])
    return world


def about_profiles() -> list[Projection]:
    """The projections that profiles are read from."""
    return [each for each in found_projections() if each.name in ("identity", "profiles", "timeline")]


Claims = dict[str, list[Said]]


def claims_of(world: World, memberships: Iterable[Membership], selection: Selection = Selection()) -> Claims:  # noqa: B008
    """What was said of each attribute by a group's touchpoints, found one by one."""
    claims: Claims = {}
    for touchpoint in touchpoints_of(world, memberships, selection):
        header = touchpoint.header
        for attribute, value in leaves(dict(touchpoint.traits)):
            said = Said(text(value), str(header.source), header.effective_at, header.id)
            claims.setdefault(attribute, []).append(said)
    return claims


def channels_of(world: World, memberships: Iterable[Membership], selection: Selection) -> dict[str, list[Any]]:
    """Count, first and last moment by channel, found one by one."""
    found: dict[str, list[datetime]] = {}
    for touchpoint in touchpoints_of(world, memberships, selection):
        found.setdefault(touchpoint.header.channel, []).append(touchpoint.header.effective_at)
    return {channel: [len(times), min(times), max(times)] for channel, times in found.items()}


def touchpoints_of(
    world: World,
    memberships: Iterable[Membership],
    selection: Selection = Selection(),  # noqa: B008
) -> Iterator[Touchpoint]:
    """The touchpoints of a group that are selected."""
    spans = list(memberships)
    for touchpoint in world.touchpoints:
        header = touchpoint.header
        moment = (header.effective_at, header.id)
        late = selection.at is not None and header.effective_at > selection.at
        unknown = selection.position is not None and touchpoint.position > selection.position
        if late or unknown or touchpoint.position in world.decided:
            continue
        if any(each.subject == header.subject and _holds(each, moment) for each in spans):
            yield touchpoint


def _holds(membership: Membership, moment: tuple[datetime, str]) -> bool:
    after_start = membership.start is None or tuple(membership.start) <= moment
    return after_start and (membership.end is None or moment < tuple(membership.end))


def leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The dotted names of a tree's leaves, an empty table being one."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from ((f"{name}.{inner}", each) for inner, each in leaves(value))
        else:
            yield name, value


def text(value: Any) -> str:
    """A value as the database writes it."""
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def survivors(claims: Claims, survivorship: Survivorship, now: datetime) -> dict[str, Survivor]:
    """What survives of each attribute."""
    chosen = {name: survivor(said, terms(survivorship.of(name)), now) for name, said in claims.items()}
    return {name: each for name, each in chosen.items() if each is not None}


def terms(rule: Rule) -> Terms:
    """A rule as the oracle takes it."""
    sources = tuple(str(source_id(name)) for name in rule.sources)
    return Terms(rule.kind, sources, rule.ignore_empty, rule.ttl, rule.multi_valued)


def hours(count: float) -> datetime:
    """A moment after the start."""
    return START + timedelta(hours=count)
