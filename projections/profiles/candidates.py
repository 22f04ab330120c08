"""Candidates: the claims of one attribute with the same value and source as one, added up by the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from cdp.survivorship.choice import Candidate, Choice, Said, choose
from cdp.survivorship.rules import LAST_UPDATED, Rule, Survivorship
from projections.contract import Connected
from projections.members import HELD, MEMBERS, Members

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_HOURS = 35_063_280
"""Four thousand years, all leap days counted: added to a time they make its count of microseconds positive."""

_OFFSET = timedelta(hours=_HOURS)
_DIGITS = 16
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_EMPTY = """('null', '""', '[]', '{}')"""

_SAID = f"""
(encode(timestamptz_send(effective_at + interval '{_HOURS} hours'), 'hex') || event_id || ' ' || position) collate "C"
"""
"""A claim's touchpoint as one text, in the order of time and event id, of which the database finds least and greatest.

The time is PostgreSQL's own, microseconds since `_EPOCH`, in hexadecimal: any other text takes far longer to make.
"""

GROUPED = f"""
attribute, value::text, source, count(*), min({_SAID}), max({_SAID})
"""
"""What `candidate` reads, grouped by the first three."""

MOST = 100
"""Candidates of an attribute that are looked at where they suffice to say what survives: a trait that changes with
each touchpoint has thousands."""

_LATEST = f"""
with {MEMBERS},
grouped (attribute, value, source, claims, first_said, last_said) as (
    select {GROUPED}
    from members
    join profiles.claims using (subject)
    where {HELD}
    group by 1, 2, 3
),
ranked as (
    select
        *,
        value in {_EMPTY} as empty,
        row_number() over (partition by attribute order by value in {_EMPTY}, last_said desc) as place,
        sum(claims) over (partition by attribute) as all_claims
    from grouped
)
select attribute, value, source, claims, first_said, last_said, all_claims::bigint
from ranked
where place <= %(most)s
    or empty
"""
_ALL = f"""
with {MEMBERS}
select {GROUPED}
from members
join profiles.claims using (subject)
join unnest(%(attributes)s::text[], %(expired_by)s::timestamptz[]) as limits (attribute, expired_by) using (attribute)
where {HELD}
group by 1, 2, 3, effective_at <= expired_by
"""


class Weighed(NamedTuple):
    """What survives of an attribute; `others` counts the losing claims whose candidates were not looked at."""

    attribute: str
    choice: Choice
    others: int


def candidate(value: str, source: UUID, claims: int, first: str, last: str) -> Candidate:
    """What `GROUPED` selects, but for the attribute."""
    begun = _said(first)
    return Candidate(value, source, begun, begun if claims == 1 else _said(last), claims)


def _said(text: str) -> Said:
    event, _, position = text[_DIGITS:].partition(" ")
    since = timedelta(microseconds=int(text[:_DIGITS], 16)) - _OFFSET
    return Said(_EPOCH + since, event, int(position))


def weighed(connection: Connected, members: Members, survivorship: Survivorship, now: datetime) -> list[Weighed]:
    """What survives of each attribute of a group's claims at a moment, by attribute."""
    found, others = _latest(connection, members)
    again = {
        attribute: None if ttl is None else now - ttl
        for attribute, candidates in found.items()
        for rule in [survivorship.of(attribute)]
        for ttl in [_within_reach(rule.ttl, now)]
        if (others[attribute] and not _latest_suffice(rule)) or _straddled(candidates, ttl, now)
    }
    if again:
        found |= _all(connection, members, again)
        others |= dict.fromkeys(again, 0)
    return [
        Weighed(attribute, choose(found[attribute], survivorship.of(attribute), now), others[attribute])
        for attribute in sorted(found)
    ]


def _latest_suffice(rule: Rule) -> bool:
    """Whether the latest candidates, and those that say nothing, have the winner among them."""
    return rule.kind == LAST_UPDATED and not rule.multi_valued


def _within_reach(ttl: timedelta | None, now: datetime) -> timedelta | None:
    """A time to live that goes back before all time expires nothing."""
    return ttl if ttl is None or now - _BEGINNING > ttl else None


def _straddled(candidates: Iterable[Candidate], ttl: timedelta | None, now: datetime) -> bool:
    """Whether some claims of a candidate have expired and others have not."""
    return ttl is not None and any(
        each.first.effective_at + ttl <= now < each.last.effective_at + ttl for each in candidates
    )


def _latest(connection: Connected, members: Members) -> tuple[dict[str, list[Candidate]], dict[str, int]]:
    """The latest candidates of each attribute, and how many claims the others have."""
    found: defaultdict[str, list[Candidate]] = defaultdict(list)
    others = dict[str, int]()
    parameters = members.parameters() | {"most": MOST}
    for attribute, *rest, claims in connection.execute(_LATEST, parameters, prepare=True, binary=True):
        each = candidate(*rest)
        found[attribute].append(each)
        others[attribute] = others.get(attribute, int(claims)) - each.claims
    return dict(found), others


def _all(connection: Connected, members: Members, limits: Mapping[str, datetime | None]) -> dict[str, list[Candidate]]:
    """All candidates of some attributes, those that have expired by a limit apart."""
    found: defaultdict[str, list[Candidate]] = defaultdict(list)
    apart = {"attributes": list(limits), "expired_by": list(limits.values())}
    for attribute, *rest in connection.execute(_ALL, members.parameters() | apart, prepare=True, binary=True):
        found[attribute].append(candidate(*rest))
    return dict(found)
