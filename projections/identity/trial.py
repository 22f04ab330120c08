"""The dry run: which profiles would merge or split under other rules or decisions. Nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cdp.identity.evidence import Moment
from cdp.identity.findings import Membership
from cdp.identity.forest import roots_of
from projections.contract import Connected, Policy, Values
from projections.identity.revision import Revision, decided_anew
from projections.identity.store import IdentityStore

_TOUCHPOINTS = """
select touchpoints.subject, count(*)
from timeline.touchpoints
left join identity.memberships as before
    on before.subject = touchpoints.subject
    and (effective_at, event_id) >= (before.from_at, before.from_event)
    and (effective_at, event_id) < (before.to_at, before.to_event)
left join (
    select
        subject,
        coalesce(from_at, '-infinity') as from_at,
        from_event,
        coalesce(to_at, 'infinity') as to_at,
        to_event,
        profile
    from unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::text[], %s::text[])
        as given (subject, from_at, from_event, to_at, to_event, profile)
) as after
    on after.subject = touchpoints.subject
    and (effective_at, event_id) >= (after.from_at, after.from_event)
    and (effective_at, event_id) < (after.to_at, after.to_event)
where touchpoints.subject = any(%s::bigint[])
    and before.profile is distinct from after.profile
group by touchpoints.subject
"""
_ELSEWHERE = """
select distinct profile
from identity.memberships
where profile = any(%s)
    and not subject = any(%s::bigint[])
"""

Spans = Mapping[int, Collection[Membership]]

Place = tuple[str, Any]
"""A profile `before` or `after`, or a `subject` that belongs to it."""


@dataclass(frozen=True)
class Change:
    """What would become of profiles: those `before` would be those `after`, in the order of their ids.

    Profiles that share a subject, before or after, are in one change. `subjects` and `touchpoints` count those whose
    profile would be another one.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    subjects: int
    touchpoints: int

    @property
    def kind(self) -> str:
        """`merge` or `split`; `move` where as many profiles come out as went in."""
        if len(self.before) == len(self.after):
            return "move"
        return "merge" if len(self.before) > len(self.after) else "split"


def try_policy(connection: Connected, now: Policy, candidate: Policy, values: Values) -> Iterator[Change]:
    """Every profile that would merge, split or hand touchpoints over if `candidate` took the place of `now`.

    `now` must be the policy that the stored memberships were resolved under, and `candidate` may have other rules,
    public sources and decisions. It goes component by component, so that whoever has seen enough can stop.
    """
    store = IdentityStore(connection, "identity")
    told: set[int] = set()
    for _, settlement in Revision(store, now, candidate, values, decided_anew(now, candidate)).parts():
        new = {subject: each for subject, each in settlement.memberships.items() if subject not in told}
        old: defaultdict[int, set[Membership]] = defaultdict(set)
        for each in store.memberships(list(new)):
            old[each.subject].add(each)
        moved = {subject for subject in new if set(new[subject]) != old[subject]}
        told |= moved
        if moved:
            yield from _changes(connection, old, new, moved)


def _changes(connection: Connected, old: Spans, new: Spans, moved: Collection[int]) -> Iterator[Change]:
    """The profiles between which subjects move, put together with all that they share subjects with."""
    links: list[tuple[Place, Place]] = [(("subject", each), place) for each in new for place in _places(each, old, new)]
    names = {name for each in moved for _, name in _places(each, old, new)}
    elsewhere = connection.execute(_ELSEWHERE, [sorted(names), list(new)]).fetchall()
    links += [(("before", name), ("after", name)) for (name,) in elsewhere]
    ids = {place: id for id, place in enumerate(dict.fromkeys(place for link in links for place in link))}
    roots = roots_of(ids.values(), [[(ids[a], ids[b]) for a, b in links]])
    groups: defaultdict[int, list[Place]] = defaultdict(list)
    for place, id in ids.items():
        groups[roots[id]].append(place)
    touchpoints = _touchpoints(connection, new, moved)
    for places in groups.values():
        subjects = [each for side, each in places if side == "subject" and each in moved]
        before, after = (tuple(sorted(name for side, name in places if side == of)) for of in ("before", "after"))
        if subjects:
            yield Change(before, after, len(subjects), sum(touchpoints.get(each, 0) for each in subjects))


def _places(subject: int, old: Spans, new: Spans) -> list[tuple[str, str]]:
    before = [("before", each.profile) for each in old.get(subject, ())]
    return before + [("after", each.profile) for each in new[subject]]


def _touchpoints(connection: Connected, new: Spans, moved: Collection[int]) -> dict[int, int]:
    """How many touchpoints of each subject would be another profile's."""
    spans = [each for subject in moved for each in new[subject]]
    columns = [
        [each.subject for each in spans],
        *_bounds([each.start for each in spans]),
        *_bounds([each.end for each in spans]),
        [each.profile for each in spans],
    ]
    return dict(connection.execute(_TOUCHPOINTS, [*columns, list(moved)]).fetchall())


def _bounds(moments: Collection[Moment | None]) -> tuple[list[datetime | None], list[str]]:
    return [each.at if each else None for each in moments], [each.event if each else "" for each in moments]
