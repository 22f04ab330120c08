"""Profiles: all claims, and for each profile and attribute the claim that survives.

Claims are keyed by subject and never rewritten. A field belongs to a profile, so it is computed again when identity
moves subjects; otherwise new claims only have to be held against the present winner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from projections.contract import Batch, Connected, Surroundings, Writer
from projections.copying import columns_of, copy_rows
from projections.profiles.claims import Claim, claims_of

LAST_UPDATED = "last updated"
"""The survivorship rule: the claim with the latest effective time wins, ties go to the greater event id."""

CLAIM_COLUMNS = columns_of(Claim)

_CLAIM = "value, source, event_id, position, occurred_at, effective_at, received_at"


@dataclass(frozen=True)
class ProfilesProjection:
    """The declaration. It reads identity's memberships, so identity goes first."""

    name: str = "profiles"
    version: int = 1
    requires: tuple[str, ...] = ("identity",)

    def configuration(self, surroundings: Surroundings) -> str:
        """Nothing but the log and identity."""
        return ""

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer; it remembers nothing."""
        return ProfilesWriter(schemas[self.name], schemas["identity"])


class ProfilesWriter:
    """Stores claims and refreshes the fields of the profiles that a batch touches."""

    def __init__(self, schema: str, identity: str) -> None:
        self._schema = schema
        self._identity = identity

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns the profiles that identity moved: all their fields were computed again."""
        claims = [claim for touchpoint in batch.touchpoints for claim in claims_of(touchpoint)]
        if claims:
            copy_rows(connection, f"{self._schema}.claims", CLAIM_COLUMNS, claims)
        moved = batch.moved.get("identity", frozenset())
        if moved:
            self._refresh(connection, sorted(moved))
        if claims:
            self._hold_against_winners(connection, batch.after, sorted(moved))
        return moved

    def _refresh(self, connection: Connected, profiles: list[str]) -> None:
        """Computes all fields of these profiles from all their claims."""
        connection.execute(f"delete from {self._schema}.fields where profile = any(%s)", [profiles], prepare=True)
        chosen = "memberships.profile = any(%(profiles)s)"
        connection.execute(self._survivors(chosen), {"profiles": profiles}, prepare=True)

    def _hold_against_winners(self, connection: Connected, after: int, moved: list[str]) -> None:
        """Adds the claims past a position to the fields of the profiles that did not move."""
        chosen = "claims.position > %(after)s and not memberships.profile = any(%(moved)s::text[])"
        fields = f"{self._schema}.fields"
        later = f"(excluded.effective_at, excluded.event_id) > ({fields}.effective_at, {fields}.event_id)"
        better = ", ".join(
            f"{column} = case when {later} then excluded.{column} else {fields}.{column} end"
            for column in _CLAIM.split(", ")
        )
        upsert = f"""
            {self._survivors(chosen)}
            on conflict (profile, attribute)
            do update set losing = {fields}.losing + excluded.losing + 1, {better}
        """
        connection.execute(upsert, {"after": after, "moved": moved}, prepare=True)

    def _survivors(self, chosen: str) -> str:
        """The statement that inserts, among the claims chosen, the winner for each profile and attribute."""
        return f"""
            insert into {self._schema}.fields (profile, attribute, {_CLAIM}, losing)
            select profile, attribute, {_CLAIM}, claims - 1
            from (
                select
                    memberships.profile,
                    claims.*,
                    row_number() over (
                        partition by memberships.profile, attribute
                        order by effective_at desc, event_id desc
                    ) as place,
                    count(*) over (partition by memberships.profile, attribute) as claims
                from {self._schema}.claims
                join {self._identity}.memberships
                    on memberships.subject = claims.subject
                    and (effective_at, event_id) >= (from_at, from_event)
                    and (effective_at, event_id) < (to_at, to_event)
                where {chosen}
            ) as candidates
            where place = 1
        """


PROJECTION = ProfilesProjection()
