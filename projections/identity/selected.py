"""What the log showed as far as a selection goes: from the timeline, whatever identity made of it since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cdp.identity.evidence import Moment, Node, SubjectSeen
from projections.contract import Connected, Policy, Values
from projections.identity.known import FAN_OUT, Authenticated, KnownIdentifier
from projections.identity.selection import Selection
from projections.identity.store import moments_of

MANY_HOLDERS = 300
"""Whoever is held by as many subjects is counted before anything behind it is loaded."""

_SELECTED = """
(%(at)s::timestamptz is null or effective_at <= %(at)s)
    and (%(position)s::bigint is null or position <= %(position)s)
"""
_HOLDERS = f"""
select held.subject, numbers, first_position, server_at, server_event, public_at, public_event
from (
    select distinct on (subject) subject, numbers
    from identity.sightings
    where subject in (select subject from identity.links where number = any(%(numbers)s::bigint[]))
) as held
cross join lateral (
    select
        min(position) as first_position,
        (array_agg(effective_at order by effective_at, event_id) filter (where not public))[1] as server_at,
        (array_agg(event_id order by effective_at, event_id) filter (where not public))[1] as server_event,
        (array_agg(effective_at order by effective_at, event_id) filter (where public))[1] as public_at,
        (array_agg(event_id order by effective_at, event_id) filter (where public))[1] as public_event
    from (
        select position, effective_at, event_id, source = any(%(public)s::uuid[]) as public
        from timeline.touchpoints
        where touchpoints.subject = held.subject
            and {_SELECTED}
    ) as selected
) as seen
where first_position is not null
"""
_IDENTIFIERS = f"""
select number, type, namespace, (
    select count(*)
    from (select from identity.links where links.number = identifiers.number limit %(many)s) as holders
)
from identity.identifiers
where number = any(%(numbers)s::bigint[])
    and exists (
        select
        from identity.links
        join timeline.touchpoints using (subject)
        where links.number = identifiers.number
            and {_SELECTED}
    )
"""
_SEEN_WITH = f"""
select sightings.subject, numbers
from identity.links
join identity.sightings using (subject)
where number = %(number)s
    and subject > %(after)s
    and (not %(servers)s or not source = any(%(public)s::uuid[]))
    and exists (
        select
        from timeline.touchpoints
        where touchpoints.subject = sightings.subject
            and touchpoints.source = sightings.source
            and {_SELECTED}
    )
order by subject
limit %(limit)s
"""
_HAND_OVERS = f"""
select distinct subject, effective_at, event_id
from (
    select
        subject,
        effective_at,
        event_id,
        profile is distinct from lag(profile) over (
            partition by number
            order by effective_at, event_id
        ) as first
    from unnest(%(authenticating)s::bigint[], %(subjects)s::bigint[], %(profiles)s::text[])
        as authenticated (number, subject, profile)
    join timeline.touchpoints using (subject)
    where {_SELECTED}
) as seen
where first or %(every)s
"""
_LAST = f"""
select subject, effective_at, event_id
from identity.links
cross join lateral (
    select effective_at, event_id
    from timeline.touchpoints
    where touchpoints.subject = links.subject
        and {_SELECTED}
    order by effective_at desc, event_id desc
    limit 1
) as last
where number = %(number)s
order by effective_at desc, event_id desc
limit 1
"""


class SelectedSightings:
    """Answers from the projections that are published, for one policy and selection. Remembers identifiers."""

    def __init__(self, connection: Connected, policy: Policy, selection: Selection, values: Values) -> None:
        self._connection = connection
        self._policy = policy
        self._selection = selection
        self._values = values
        self._public = list(policy.public)
        self._nodes: dict[int, Node] = {}
        self._first: dict[int, int] = {}
        self._many: set[int] = set()

    def holders(self, numbers: Collection[int]) -> list[SubjectSeen]:
        """The subjects that hold one of these identifiers and that the selection shows."""
        rows = self._select(_HOLDERS, numbers=list(numbers), public=self._public) if numbers else []
        found = []
        for subject, held, position, *moments in rows:
            for number in held:
                self._first[number] = min(position, self._first.get(number, position))
            server, public = _moment(*moments[:2]), _moment(*moments[2:])
            first = min(moment for moment in (server, public) if moment is not None)
            found.append(SubjectSeen(subject, tuple(held), server, public, (first,)))
        return found

    def identifiers(self, numbers: Collection[int]) -> Mapping[int, KnownIdentifier]:
        """These identifiers, judged by the policy; with a verdict where they are past the fan-out cap.

        An identifier's age is known as soon as its holders are.
        """
        self._learn(numbers)
        found = {}
        for number in numbers:
            if number in self._nodes:
                past = number in self._many and not self._nodes[number].blocked and self._past_fan_out(number)
                found[number] = KnownIdentifier(self._nodes[number], FAN_OUT if past else None)
        return found

    def hand_overs(self, authenticated: Sequence[Authenticated], every: bool) -> Mapping[int, tuple[Moment, ...]]:
        """When these subjects authenticated."""
        numbers, subjects, profiles = (list(column) for column in zip(*authenticated, strict=True))
        columns = {"authenticating": numbers, "subjects": subjects, "profiles": profiles}
        return moments_of(self._select(_HAND_OVERS, **columns, every=every))

    def last(self, number: int) -> tuple[int, Moment] | None:
        """The subject and the moment of the last touchpoint with an identifier."""
        row = next(iter(self._select(_LAST, number=number)), None)
        return None if row is None else (row[0], Moment(row[1], row[2]))

    def aged(self, nodes: Mapping[int, Node]) -> Mapping[int, Node]:
        """The identifiers with the positions at which the selection first showed them."""
        first = self._first
        return {n: node._replace(first_position=first[n]) if n in first else node for n, node in nodes.items()}

    def _learn(self, numbers: Iterable[int]) -> None:
        missing = [number for number in numbers if number not in self._nodes]
        rows = self._select(_IDENTIFIERS, numbers=missing, many=MANY_HOLDERS) if missing else []
        values = self._values(row[0] for row in rows) if rows else {}
        for number, kind, namespace, holders in rows:
            value = values[number]
            blocked = value is not None and self._policy.rules.blocks(value)
            self._nodes[number] = Node(number, kind, namespace, blocked, 0)
            if holders == MANY_HOLDERS:
                self._many.add(number)

    def _past_fan_out(self, number: int) -> bool:
        """Counts others until there are too many: by what servers showed, if they showed it at all."""
        cap = self._policy.rules.of(self._nodes[number].type).fan_out
        if cap is None:
            return False
        servers = bool(self._seen_with(number, -1, servers=True, limit=1)) if self._public else False
        others: set[int] = set()
        after = -1
        while rows := self._seen_with(number, after, servers=servers, limit=MANY_HOLDERS):
            after = rows[-1][0]
            others |= self._counting(number, {other for _, numbers in rows for other in numbers})
            if len(others) > cap:
                return True
        return False

    def _seen_with(self, number: int, after: int, *, servers: bool, limit: int) -> list[tuple[Any, ...]]:
        return self._select(_SEEN_WITH, number=number, after=after, servers=servers, public=self._public, limit=limit)

    def _counting(self, number: int, others: set[int]) -> set[int]:
        """Those of the others that count for the fan-out of an identifier."""
        self._learn(others)
        rules, decisions = self._policy.rules, self._policy.decisions
        left_out = {number} | {each.numbers[0] for each in decisions if each.kind == "block"}
        left_out |= {n for each in decisions if each.kind == "unlink" and number in each.numbers for n in each.numbers}
        exclusive = rules.exclusive(self._nodes[number].type)
        return {
            other
            for other in others - left_out
            if other in self._nodes
            and not self._nodes[other].blocked
            and (not exclusive or rules.exclusive(self._nodes[other].type))
        }

    def _select(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        chosen = {**parameters, "at": self._selection.at, "position": self._selection.position}
        return self._connection.execute(query, chosen, prepare=True, binary=True).fetchall()


def _moment(at: Any, event: Any) -> Moment | None:
    return None if at is None else Moment(at, event)
