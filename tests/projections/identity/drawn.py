"""Logs to order for properties of identity: few people with few identifiers, so that everything collides."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

from cdp.identity.decision import Decision
from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.graph import IdentityGraph
from cdp.identity.rules import DEFAULT_RULES, RuleSet, TypeRule
from cdp.log.touchpoint import Touchpoint
from projections.contract import Projection
from projections.discovery import found_projections
from tests.projections.world import World

IDENTIFIERS = (
    *(("user_id", value) for value in ("1", "2", "3")),
    *(("email", value) for value in ("1", "2")),
    *(("anonymous_id", value) for value in ("1", "2")),
    *(("loyalty_card", "1"), ("phone", "1"), ("household_card", "1"), ("email", "null")),
)
SOURCES = {"shop": "server", "till": "server", "browser": "public"}

identifier = st.sampled_from(IDENTIFIERS)
pair = st.lists(identifier, min_size=2, max_size=2, unique=True)
who = st.lists(identifier, min_size=1, max_size=3, unique_by=lambda each: each[0]).map(dict)


def rules(
    limits: tuple[int | None, int | None] = (1, 2),
    fan_out: int | None = None,
    size_cap: int = 500,
    window: int | None = None,
    blocked: str | None = None,
    **others: Any,
) -> RuleSet:
    """The built-in rules with other numbers: limits of user ids and of other types, the fan-out cap of all types."""

    def changed(kind: str, rule: TypeRule) -> TypeRule:
        limit = limits[kind != "user_id"] if rule.exclusive else None
        after = None if window is None or rule.exclusive else timedelta(hours=window)
        return dataclasses.replace(rule, limit=limit, fan_out=fan_out, window=after)

    types = {kind: changed(kind, rule) for kind, rule in DEFAULT_RULES.types.items()}
    patterns = DEFAULT_RULES.blocked if blocked is None else (re.compile(blocked),)
    return dataclasses.replace(DEFAULT_RULES, types=types, size_cap=size_cap, blocked=patterns, **others)


def sharing(base: RuleSet, *kinds: str) -> RuleSet:
    """The rules with these types the other way: exclusive ones shareable, shareable ones exclusive."""
    types = {
        kind: dataclasses.replace(rule, exclusive=not rule.exclusive) if kind in kinds else rule
        for kind, rule in base.types.items()
    }
    return dataclasses.replace(base, types=types)


other_rules = st.builds(
    rules,
    limits=st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 2])),
    fan_out=st.sampled_from([None, 1, 2, 4]),
    size_cap=st.sampled_from([2, 3, 500]),
    window=st.sampled_from([None, None, 0, 2, 5]),
    blocked=st.sampled_from([None, "1", "null|2", "nothing"]),
    anonymous=st.sampled_from(["last authenticated", "last authenticated", "stays anonymous"]),
    trust=st.sampled_from([{}, {"browser": "server"}, {"shop": "public"}]),
)
rule_sets = st.one_of(
    st.just(DEFAULT_RULES),
    *[other_rules] * 3,
    st.just(sharing(rules(fan_out=3), "phone")),
    st.just(sharing(rules(), "email", "household_card")),
)

Happenings = st.SearchStrategy[list[Any]]
Shown = tuple[dict[str, str], str]
"""Who a touchpoint is about, and the source that shows it."""


def decided_about(identifier: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[Any]:
    """Stewards' decisions about such identifiers, and what takes them back."""
    two = st.lists(identifier, min_size=2, max_size=2, unique=True)
    return st.one_of(
        st.tuples(st.sampled_from(["link", "unlink", "release"]), two),
        st.tuples(st.sampled_from(["block", "release"]), st.lists(identifier, min_size=1, max_size=1)),
    )


touchpoints = st.tuples(st.just("see"), who, st.integers(0, 12), st.integers(-3, 3), st.sampled_from(sorted(SOURCES)))
decisions = decided_about(identifier)
activations = st.tuples(st.just("activate"), rule_sets)
happenings = st.one_of(*[touchpoints] * 8, decisions, activations)
anything = st.lists(happenings, min_size=1, max_size=18)


def story(*shown: Shown, under: Sequence[RuleSet] = (DEFAULT_RULES,)) -> Happenings:
    """Logs that show each of these at least once, in any order, and nothing else, under one of these rules; stewards
    decide, and rules change, now and then."""
    begin = st.tuples(st.just("activate"), st.sampled_from(under))
    first = st.permutations(shown).flatmap(lambda each: st.tuples(*map(showing, each)))
    identifiers = st.sampled_from(sorted({each for identifiers, _ in shown for each in identifiers.items()}))
    again = st.sampled_from(shown).flatmap(showing)
    one = st.one_of(*[again] * 16, decided_about(identifiers), activations).map(lambda each: [each])
    rest = st.lists(st.one_of(*[one] * 12, taken_back(identifiers, again)), min_size=2, max_size=8)
    return st.builds(lambda begin, first, rest: [begin, *first, *chain.from_iterable(rest)], begin, first, rest)


def taken_back(identifier: st.SearchStrategy[tuple[str, str]], between: st.SearchStrategy[Any]) -> Happenings:
    """A steward's link that is taken back, with something in between."""
    two = st.lists(identifier, min_size=2, max_size=2, unique=True)
    back = st.sampled_from(["release", "unlink"])
    return st.builds(lambda two, back, between: [("link", two), between, (back, two)], two, back, between)


def showing(shown: Shown) -> st.SearchStrategy[Any]:
    """A touchpoint at any time."""
    who, source = shown
    return st.tuples(st.just("see"), st.just(who), st.integers(0, 8), st.integers(0, 3), st.just(source))


one_device = story(
    ({"anonymous_id": "1"}, "shop"),
    ({"anonymous_id": "1", "user_id": "1"}, "shop"),
    ({"anonymous_id": "1", "user_id": "2"}, "shop"),
)
few_at_a_mailbox = rules(limits=(None, None), fan_out=1)
one_mailbox = story(
    ({"email": "1", "user_id": "1"}, "shop"),
    ({"email": "1", "user_id": "2"}, "till"),
    under=(DEFAULT_RULES, few_at_a_mailbox),
)
a_mailbox_that_strangers_name = story(
    ({"email": "1", "user_id": "1"}, "browser"),
    ({"email": "1", "user_id": "2"}, "browser"),
    ({"email": "1"}, "shop"),
    under=(few_at_a_mailbox,),
)
one_card = story(
    ({"email": "1", "user_id": "1"}, "shop"),
    ({"email": "1", "loyalty_card": "1"}, "shop"),
    ({"loyalty_card": "1", "user_id": "2"}, "shop"),
    ({"loyalty_card": "1", "user_id": "2"}, "browser"),
    under=(DEFAULT_RULES, DEFAULT_RULES, rules(size_cap=3)),
)
a_form_that_anybody_may_fill_in = story(
    ({"email": "1", "user_id": "1"}, "browser"),
    ({"email": "1"}, "shop"),
    ({"user_id": "1"}, "till"),
)
stories = one_device | one_mailbox | a_mailbox_that_strangers_name | one_card | a_form_that_anybody_may_fill_in
worlds = anything | stories


def world_of(drawn: list[Any]) -> World:
    """A log of what was drawn, under an incarnation of its own, so that an engine builds everything anew."""
    world = World(incarnation=uuid4(), trust=SOURCES)
    for kind, *what in drawn:
        happen(world, kind, *what)
    return world


def happen(world: World, kind: str, *what: Any) -> None:
    """Appends one thing that was drawn."""
    if kind == "see":
        seen, at, late, source = what
        world.see(seen, at=at, late=late, source=source, channel=source, traits={"city": f"c{at}"})
    elif kind == "activate":
        world.activate(what[0])
    else:
        world.decide(kind, *({name: value} for name, value in what[0]))  # type: ignore[arg-type]


def graph_of(world: World) -> IdentityGraph:
    """Everything that a log shows, resolved at once."""
    policy = world.at(len(world.touchpoints))
    nodes: dict[int, Node] = {}
    moments: dict[tuple[int, bool], list[Moment]] = {}
    numbers: dict[int, tuple[int, ...]] = {}
    for touchpoint in world.touchpoints:
        if touchpoint.position not in world.decided and touchpoint.header.subject is not None:
            header = touchpoint.header
            moment = Moment(header.effective_at, header.id)
            moments.setdefault((touchpoint.header.subject, header.source in policy.public), []).append(moment)
            numbers[touchpoint.header.subject] = header.numbers()
            _see(nodes, touchpoint, world, policy.rules)
    subjects = []
    for subject, held in sorted(numbers.items()):
        server, public = moments.get((subject, False), []), moments.get((subject, True), [])
        firsts = min(server, default=None), min(public, default=None)
        subjects.append(SubjectSeen(subject, held, *firsts, (*server, *public)))
    decided = [each for each in policy.decisions if nodes.keys() >= set(each.numbers)]
    return IdentityGraph(subjects, nodes, policy.rules, decided)


def _see(nodes: dict[int, Node], touchpoint: Touchpoint, world: World, rules: RuleSet) -> None:
    for _, kind, namespace, number in touchpoint.header.identifiers:
        value = world.values[number]
        assert value is not None
        nodes.setdefault(number, Node(number, kind, namespace, rules.blocks(value), touchpoint.position))


def decided(world: World) -> list[Decision]:
    """The steward's decisions in force at the end of a log."""
    return list(world.at(len(world.touchpoints)).decisions)


def needed() -> Sequence[Projection]:
    """Identity, and what its read side needs."""
    return [each for each in found_projections() if each.name in ("identity", "timeline")]
