"""Resolution takes steps in proportion to what it is given, also where links are withheld."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from benchmarks.resolving import START, World, call_center, people
from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.resolution import resolve
from cdp.identity.rules import DEFAULT_RULES
from tests.identity.steps import steps

pytestmark = pytest.mark.slow

WORLDS: dict[str, Callable[[int], World]] = {
    "people": people,
    "people, half of it from browsers": lambda number: people(number, browsers=True),
    "accounts behind one telephone": call_center,
    "one long chain": lambda number: chain(number),
}


def chain(length: int) -> World:
    """Customer numbers of as many shops, each seen with the next: one component that must be cut."""
    nodes = {n: Node(n, "user_id", f"shop{n}", False, n) for n in range(length + 1)}
    moments = [Moment(START + timedelta(minutes=n), f"event-{n}") for n in range(length)]
    return World([SubjectSeen(n, (n, n + 1), moments[n]) for n in range(length)], nodes)


def steps_of(world: World) -> int:
    """How many steps resolution takes."""
    return steps(lambda: resolve(world.subjects, world.nodes, DEFAULT_RULES))[1]


@pytest.mark.parametrize("what", WORLDS)
def test_ten_times_as_much_takes_about_ten_times_as_many_steps(what: str) -> None:
    small, large = steps_of(WORLDS[what](500)), steps_of(WORLDS[what](5_000))
    assert large < 15 * small


def test_a_long_chain_is_cut_into_groups_under_the_cap() -> None:
    world = chain(2_000)
    resolution = resolve(world.subjects, world.nodes, DEFAULT_RULES)
    assert len(set(resolution.profiles.values())) == 5
    assert {each.reason for each in resolution.withheld} == {"size_cap"}
