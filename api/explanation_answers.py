"""Why two identifiers are one profile, or why not, with names and touchpoints in place of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from api.explanation_words import obstacle_words, written_or_erased
from api.identity_answers import described_decision, described_identifier
from api.point_in_time import PRESENT, PointInTime
from api.profile_answers import source_names
from cdp.identity.evidence import Moment
from cdp.identity.explanation import Explanation, explained
from cdp.identity.findings import Link
from cdp.identity.graph import IdentityGraph
from cdp.identity.identifier import Identifier
from cdp.identity.obstacles import Obstacle
from cdp.platform import Platform
from cdp.policy.policy import Policy
from projections.checkpoint import read_checkpoints
from projections.contract import Connected
from projections.identity.reading import component_of

_TOUCHPOINTS = """
select touchpoints.event_id, position, name, source, channel, touchpoints.effective_at
from unnest(%(subjects)s::bigint[], %(ats)s::timestamptz[], %(events)s::text[])
    as wanted (subject, effective_at, event_id)
join timeline.touchpoints using (subject, effective_at, event_id)
"""

AUTHENTICATED = "last authenticated"

Known = Mapping[int, Identifier | None]


def followed(connection: Connected) -> int:
    """The position up to which the stored identity has come."""
    found = (each for each in read_checkpoints(connection) if each.projection == "identity" and each.published)
    return next((each.position for each in found), 0)


def explanation_answer(
    platform: Platform, connection: Connected, a: str, b: str, point: PointInTime = PRESENT
) -> dict[str, Any]:
    """Explains two identifiers as people name them, now or at a point in time."""
    numbers = [platform.naming.find(text).number for text in (a, b)]
    position = followed(connection)
    policy = platform.policies.at(position if point.known_at is None else min(position, point.known_at))
    values = platform.vault.values
    component = component_of(connection, numbers, policy, values, point.selection)
    graph = component.graph
    found = explained(numbers[0], numbers[1], graph)
    known = values(_named(found))
    return {
        "a": described_identifier(known[found.a]),
        "b": described_identifier(known[found.b]),
        "joined": found.joined,
        "profile": found.profile,
        "chain": _chain(platform, connection, graph, _oriented(found), known),
        "turns": [{"from": _time(turn.start), "until": _time(turn.end)} for turn in found.turns],
        "obstacles": [_obstacle(platform, policy, each, known) for each in found.obstacles],
        "rules_version": policy.rules_version,
        "as_of": None if point.as_of is None else point.as_of.isoformat(),
        "known_at": position if point.known_at is None else point.known_at,
    }


def _named(found: Explanation) -> set[int]:
    """All identifiers of which an explanation speaks."""
    numbers = {found.a, found.b, *(number for link in found.chain for number in (link.a, link.b))}
    for each in found.obstacles:
        collision = each.withheld.collision if each.withheld else ()
        numbers |= {*each.numbers, *each.values, *collision}
    return numbers


def _oriented(found: Explanation) -> Iterator[Link]:
    """The chain as one walks it from `a` to `b`. Who authenticates on what is never turned around."""
    at = found.a
    for link in found.chain:
        beyond = link.a if link.b == at else link.b
        yield link if link.kind == AUTHENTICATED else link._replace(a=at, b=beyond)
        at = beyond


def _chain(
    platform: Platform, connection: Connected, graph: IdentityGraph, links: Iterable[Link], known: Known
) -> list[dict[str, Any]]:
    chain = list(links)
    touchpoints = _touchpoints(platform, connection, graph, [link.moment for link in chain if link.moment])
    return [
        {
            "a": described_identifier(known[link.a]),
            "b": described_identifier(known[link.b]),
            "kind": link.kind,
            "public": link.public,
            "touchpoint": touchpoints.get(link.moment.event) if link.moment else None,
            "decision": None if link.position is None else described_decision(platform, link.position),
        }
        for link in chain
    ]


def _touchpoints(
    platform: Platform, connection: Connected, graph: IdentityGraph, moments: Iterable[Moment]
) -> dict[str, dict[str, Any]]:
    """The touchpoints at these moments, by their event ids."""
    wanted = set(moments)
    places = [
        (subject.number, moment.at, moment.event)
        for subject in graph.subjects
        for moment in {subject.server, subject.public, *subject.moments} & wanted
        if moment is not None
    ]
    subjects, ats, events = ([place[at] for place in places] for at in range(3))
    rows = connection.execute(_TOUCHPOINTS, {"subjects": subjects, "ats": ats, "events": events}).fetchall()
    named = source_names(platform)
    return {
        event: {
            "event_id": event,
            "position": position,
            "name": name,
            "source": named(source).name,
            "channel": channel,
            "effective_at": _iso(at),
        }
        for event, position, name, source, channel, at in rows
    }


def _obstacle(platform: Platform, policy: Policy, obstacle: Obstacle, known: Known) -> dict[str, Any]:
    return {
        "code": obstacle.code,
        "identifiers": [described_identifier(known[number]) for number in obstacle.numbers],
        "detail": _detail(obstacle),
        "with": [described_identifier(known[number]) for number in _concerned(obstacle)],
        "decision": _decision(platform, policy, obstacle),
        "message": obstacle_words(obstacle, {number: written_or_erased(each) for number, each in known.items()}),
    }


def _detail(obstacle: Obstacle) -> str | None:
    if obstacle.verdict is not None:
        return obstacle.verdict.detail
    return None if obstacle.withheld is None else obstacle.withheld.reason


def _concerned(obstacle: Obstacle) -> tuple[int, ...]:
    """What an identifier was counted with, or what a withheld link collides with."""
    return obstacle.values or (obstacle.withheld.collision if obstacle.withheld else ())


def _decision(platform: Platform, policy: Policy, obstacle: Obstacle) -> dict[str, Any] | None:
    """The steward's decision that stands in the way."""
    numbers = None
    if obstacle.code == "kept_apart" or (obstacle.verdict and obstacle.verdict.detail == "steward"):
        numbers = tuple(sorted(obstacle.numbers))
    elif obstacle.withheld and obstacle.withheld.reason == "cannot_link":
        numbers = tuple(sorted(obstacle.withheld.collision))
    found = next((each for each in policy.decisions if each.numbers == numbers), None)
    return None if found is None else described_decision(platform, found.position)


def _time(moment: Moment | None) -> str | None:
    return None if moment is None else _iso(moment.at)


def _iso(at: datetime) -> str:
    return at.isoformat()
