"""What resolving identity costs, in CPU time and without a database: `python -m benchmarks.resolving`."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.resolution import resolve
from cdp.identity.rules import DEFAULT_RULES

START = datetime(2024, 1, 1, tzinfo=UTC)
ROUNDS = 3
PEOPLE = (1, 100, 10_000, 100_000)


class World(NamedTuple):
    """What resolution is given."""

    subjects: list[SubjectSeen]
    nodes: dict[int, Node]


def people(number: int, *, browsers: bool = False) -> World:
    """People of whom every other one was seen with an account, an address, a card and a browser, in five sets.

    With `browsers` every other set was shown by a public source.
    """
    world, numbers, events = World([], {}), count(1), count(1)

    def node(kind: str) -> int:
        new = next(numbers)
        world.nodes[new] = Node(new, kind, "shop", False, new)
        return new

    for person in range(number):
        for seen in _seen(node, alone=person % 2 == 1):
            event = next(events)
            moment = Moment(START + timedelta(minutes=event), f"event-{event:09}")
            server, public = (None, moment) if browsers and event % 2 else (moment, None)
            world.subjects.append(SubjectSeen(event, seen, server, public, (moment,)))
    return world


def _seen(node: Callable[[str], int], *, alone: bool) -> Iterator[tuple[int, ...]]:
    account = node("user_id")
    if alone:
        yield (account,)
        return
    address, card, browser = node("email"), node("loyalty_card"), node("anonymous_id")
    yield from ((browser,), (account, browser), (account, address), (address, card), (card,))


def call_center(callers: int) -> World:
    """Accounts that were all seen with one telephone."""
    moment = Moment(START, "event")
    nodes = {number: Node(number, "user_id", "shop", False, number) for number in range(1, callers + 1)}
    nodes[0] = Node(0, "phone", "global", False, 0)
    return World([SubjectSeen(n, (0, n), moment, None, (moment,)) for n in range(1, callers + 1)], nodes)


def microseconds(world: World) -> float:
    """CPU time for each subject, the best of some rounds; small worlds are resolved many times over."""
    times, best = max(1, 1_000 // len(world.subjects)), float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        started = time.process_time()
        for _ in range(times):
            resolve(world.subjects, world.nodes, DEFAULT_RULES)
        best = min(best, (time.process_time() - started) / times / len(world.subjects))
    return best * 1e6


def main() -> None:
    """Measures and prints a table."""
    table = Table("what is resolved in one call", "subjects", "µs for each subject")
    for number in PEOPLE:
        for browsers in (False, True):
            world = people(number, browsers=browsers)
            what = f"{number:,} people" + (", half of it from browsers" if browsers else "")
            table.add_row(what, f"{len(world.subjects):,}", f"{microseconds(world):.1f}")
    world = call_center(50_000)
    table.add_row("50,000 accounts behind one telephone", f"{len(world.subjects):,}", f"{microseconds(world):.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
