"""The groups of identifiers behind profiles: looked up now, or resolved for a past moment, with what decided them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from api.point_in_time import PRESENT, PointInTime
from cdp.identity.findings import Resolution
from cdp.identity.profile_id import identifier_number
from cdp.platform import Platform
from cdp.policy.policy import Policy
from projections.contract import Connected
from projections.identity.reading import Group, component_of, group_of
from projections.members import Members
from projections.profiles.queries import seen_up_to


@dataclass(frozen=True)
class GroupAt:
    """A group at a point in time. `position` is the last that was taken into account, `policy` what held there."""

    group: Group
    policy: Policy
    point: PointInTime
    position: int

    @property
    def members(self) -> Members:
        """Its touchpoints."""
        return Members(self.group.memberships, *self.point.selection)

    @property
    def moment(self) -> datetime:
        """The moment by which claims expire."""
        return self.point.as_of or datetime.now(UTC)


class ProfileReader:
    """Finds groups for one question, on the connection of its snapshot."""

    def __init__(self, platform: Platform, connection: Connected, point: PointInTime = PRESENT) -> None:
        self.platform = platform
        self.connection = connection
        self.point = point
        seen = seen_up_to(connection)
        self.position = seen if point.known_at is None else min(seen, point.known_at)
        self.policy = platform.policies.at(self.position)

    def profile(self, text: str) -> GroupAt | None:
        """The group of a profile's id: that of the identifier which the id names. Raises `InvalidProfileId`."""
        return self.identifier(identifier_number(text))

    def identifier(self, number: int) -> GroupAt | None:
        """The group that an identifier leads to; None where it was not known or leads nowhere."""
        values = self.platform.vault.values
        group = group_of(self.connection, number, self.policy, self.point.selection, values)
        return None if group is None else GroupAt(group, self.policy, self.point, self.position)

    def resolution(self, group: Group) -> Resolution:
        """What identity makes of the group's whole surroundings: verdicts and withheld links too."""
        if group.resolution is not None:
            return group.resolution
        values = self.platform.vault.values
        return component_of(self.connection, list(group.nodes), self.policy, values, self.point.selection).resolution()
