"""What survives, said naively: claim by claim, nothing added up, and nothing imported from the product."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

EMPTY = ("null", '""', "[]", "{}")


@dataclass(frozen=True)
class Said:
    """One claim: what a source says of one attribute, `at` a moment, in an event. `value` is JSON."""

    value: str
    source: str
    at: datetime
    event: str


@dataclass(frozen=True)
class Terms:
    """A rule."""

    kind: str = "last updated"
    sources: tuple[str, ...] = ()
    ignore_empty: bool = True
    ttl: timedelta | None = None
    multi_valued: bool = False


@dataclass(frozen=True)
class Survivor:
    """What survives, of which source and event; of a multi-valued attribute the `values`, the strongest first."""

    value: str
    source: str
    event: str
    values: tuple[tuple[str, str, str], ...] = ()


def survivor(claims: Sequence[Said], terms: Terms, now: datetime) -> Survivor | None:
    """What survives of one attribute's claims."""
    alive = {claim for claim in claims if terms.ttl is None or claim.at + terms.ttl > now}
    if not alive:
        return None
    if terms.multi_valued:
        apart = {Said(value, each.source, each.at, each.event) for each in alive for value in elements(each.value)}
        telling = {each for each in apart if tells(each, terms)}
        if telling:
            return listed(telling, terms)
    best = strongest(alive, terms)
    return Survivor(best.value, best.source, best.event)


def listed(claims: set[Said], terms: Terms) -> Survivor:
    """Takes the strongest claim, then the strongest of another value, and so on."""
    left, values = set(claims), []
    while left:
        best = strongest(left, terms, claims)
        values.append((best.value, best.source, best.event))
        left = {each for each in left if each.value != best.value}
    return Survivor(f"[{', '.join(value for value, _, _ in values)}]", *values[0][1:], tuple(values))


def strongest(claims: set[Said], terms: Terms, counted: set[Said] | None = None) -> Said:
    """The claim that beats every other; how often something was said is counted in `counted`."""
    [best] = [
        one for one in claims if all(one == other or beats(one, other, counted or claims, terms) for other in claims)
    ]
    return best


def beats(one: Said, other: Said, claims: set[Said], terms: Terms) -> bool:
    """Whether a claim is preferred to another."""
    if tells(one, terms) != tells(other, terms):
        return tells(one, terms)
    if terms.kind == "source priority":
        places = [terms.sources.index(each.source) if each.source in terms.sources else 99 for each in (one, other)]
        if places[0] != places[1]:
            return places[0] < places[1]
    if terms.kind == "verified" and (one.source in terms.sources) != (other.source in terms.sources):
        return one.source in terms.sources
    if terms.kind == "most frequent":
        often = [sum(each.value == value for each in claims) for value in (one.value, other.value)]
        if often[0] != often[1]:
            return often[0] > often[1]
    if terms.kind == "first":
        return (one.at, one.event, one.value) < (other.at, other.event, other.value)
    return (one.at, one.event, one.value) > (other.at, other.event, other.value)


def tells(claim: Said, terms: Terms) -> bool:
    """Whether a claim says something."""
    return not terms.ignore_empty or claim.value not in EMPTY


def elements(value: str) -> list[str]:
    """The values of a list; anything else is one value."""
    parsed: Any = json.loads(value)
    return [json.dumps(each) for each in parsed] if isinstance(parsed, list) else [value]
