"""Names of groups: a profile is called after its oldest exclusive identifier, else after its oldest identifier."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cdp.identity.evidence import Node
from cdp.identity.profile_id import profile_id


def named(groups: Mapping[int, int], nodes: Mapping[int, Node], exclusive: Collection[int]) -> dict[int, str]:
    """Each member's profile id. Age is the position at which the log first showed an identifier."""
    oldest: dict[int, tuple[bool, int, int]] = {}
    for member, group in groups.items():
        age = (member not in exclusive, nodes[member].first_position, member)
        known = oldest.get(group)
        if known is None or age < known:
            oldest[group] = age
    names = {group: profile_id(number) for group, (_, _, number) in oldest.items()}
    return {member: names[group] for member, group in groups.items()}
