"""Candidates: the claims of one attribute with the same value and source as one, added up by the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cdp.survivorship.choice import Candidate, Choice, Said, choose
from cdp.survivorship.rules import Survivorship
from projections.contract import Connected
from projections.members import HELD, MEMBERS, Members

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = 2_000_000_000_000_000_000
"""Makes the microseconds of every time that there is a number of nineteen digits, so that their texts are in order."""

_SAID = f"""
(((extract(epoch from effective_at) * 1000000)::bigint + {_OFFSET})::text || ' ' || event_id || ' ' || position)
    collate "C"
"""
"""A claim's touchpoint as one text, of which the database finds least and greatest as it groups."""

GROUPED = f"""
attribute, value::text, source, count(*), min({_SAID}), max({_SAID})
"""
"""What `candidate` reads, grouped by the first three."""

_CANDIDATES = f"""
with {MEMBERS}
select {GROUPED}
from members
join profiles.claims using (subject)
where {HELD}
group by 1, 2, 3
"""
_EXPIRED_APART = f"""
with {MEMBERS}
select {GROUPED}
from members
join profiles.claims using (subject)
join unnest(%(attributes)s::text[], %(expired_by)s::timestamptz[]) as limits (attribute, expired_by) using (attribute)
where {HELD}
group by 1, 2, 3, effective_at <= expired_by
"""


def candidate(value: str, source: UUID, claims: int, first: str, last: str) -> Candidate:
    """What `GROUPED` selects, but for the attribute."""
    return Candidate(value, source, _said(first), _said(last), claims)


def _said(text: str) -> Said:
    at, event, position = text.split(" ")
    return Said(_EPOCH + timedelta(microseconds=int(at) - _OFFSET), event, int(position))


def choices(
    connection: Connected, members: Members, survivorship: Survivorship, now: datetime
) -> list[tuple[str, Choice]]:
    """What survives of each attribute of a group's claims at a moment, by attribute."""
    found = _grouped(connection, _CANDIDATES, members.parameters())
    limits = _limits(found, survivorship, now)
    if limits:
        apart = {"attributes": list(limits), "expired_by": list(limits.values())}
        found |= _grouped(connection, _EXPIRED_APART, members.parameters() | apart)
    return [(attribute, choose(found[attribute], survivorship.of(attribute), now)) for attribute in sorted(found)]


def _grouped(connection: Connected, query: str, parameters: Mapping[str, Any]) -> dict[str, list[Candidate]]:
    found: defaultdict[str, list[Candidate]] = defaultdict(list)
    for attribute, *rest in connection.execute(query, parameters, prepare=True, binary=True):
        found[attribute].append(candidate(*rest))
    return dict(found)


def _limits(found: Mapping[str, Iterable[Candidate]], survivorship: Survivorship, now: datetime) -> dict[str, datetime]:
    """By when the claims of an attribute have expired, where some of a candidate's have and others have not."""
    limits = {}
    for attribute, candidates in found.items():
        ttl = survivorship.of(attribute).ttl
        if ttl is not None and any(
            each.first.effective_at + ttl <= now < each.last.effective_at + ttl for each in candidates
        ):
            limits[attribute] = now - ttl
    return limits
