"""A group's touchpoints as statements take them: its memberships as data, and what of the past is asked for.

Whether the memberships are the stored ones or were resolved for a past moment makes no difference to a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from cdp.identity.findings import Membership

MEMBERS = """
members as not materialized (
    select
        subject,
        coalesce(from_at, '-infinity') as from_at,
        from_event,
        coalesce(to_at, 'infinity') as to_at,
        to_event
    from unnest(
        %(subjects)s::bigint[],
        %(from_ats)s::timestamptz[],
        %(from_events)s::text[],
        %(to_ats)s::timestamptz[],
        %(to_events)s::text[]
    ) as members (subject, from_at, from_event, to_at, to_event)
)
"""

HELD = """
(from_at = '-infinity' or (effective_at, event_id) >= (from_at, from_event))
    and (to_at = 'infinity' or (effective_at, event_id) < (to_at, to_event))
    and (%(at)s::timestamptz is null or effective_at <= %(at)s)
    and (%(known)s::bigint is null or position <= %(known)s)
"""
"""Whether a row that has a touchpoint's `effective_at`, `event_id` and `position` is one of the group's."""


@dataclass(frozen=True)
class Members:
    """Whose touchpoints: those of `memberships`, with an effective time up to `at`, known at position `known`."""

    memberships: Sequence[Membership]
    at: datetime | None = None
    known: int | None = None

    def parameters(self) -> dict[str, Any]:
        """The parameters of `MEMBERS` and `HELD`."""
        return {**self._arrays, "at": self.at, "known": self.known}

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        starts = [each.start for each in self.memberships]
        ends = [each.end for each in self.memberships]
        return {
            "subjects": [each.subject for each in self.memberships],
            "from_ats": [start.at if start else None for start in starts],
            "from_events": [start.event if start else "" for start in starts],
            "to_ats": [end.at if end else None for end in ends],
            "to_events": [end.event if end else "" for end in ends],
        }
