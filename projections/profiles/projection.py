"""Profiles: all claims, and for each profile and attribute the claim that survives.

Claims are keyed by subject and never rewritten. A field belongs to a profile, so it is computed again when identity
moves subjects or when another survivorship rule is put in force; otherwise new claims only have to be held against the
present winner.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cdp.survivorship.rules import Survivorship
from projections.contract import Batch, Connected, Policies, Surroundings, Writer
from projections.copying import columns_of, copy_rows
from projections.profiles.claims import Claim, claims_of
from projections.profiles.fields import FieldStore, added, moved, ruled_anew

CLAIM_COLUMNS = columns_of(Claim)


@dataclass(frozen=True)
class ProfilesProjection:
    """The declaration. It reads identity's memberships, so identity goes first."""

    name: str = "profiles"
    version: int = 2
    requires: tuple[str, ...] = ("identity",)

    def configuration(self, surroundings: Surroundings) -> str:
        """Nothing but the log and identity: which rules are in force is said by the log."""
        return ""

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer; it remembers nothing."""
        return ProfilesWriter(schemas[self.name], schemas["identity"], surroundings.policies)


class ProfilesWriter:
    """Stores claims and refreshes the fields of the profiles that a batch touches."""

    def __init__(self, schema: str, identity: str, policies: Policies) -> None:
        self._schema = schema
        self._identity = identity
        self._policies = policies

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns the profiles that identity moved: all their fields were computed again."""
        claims = [claim for touchpoint in batch.touchpoints for claim in claims_of(touchpoint)]
        if claims:
            copy_rows(connection, f"{self._schema}.claims", CLAIM_COLUMNS, claims)
        fields = FieldStore(connection, self._schema, self._identity)
        rules = self._policies.at(batch.position).survivorship
        before = self._policies.at(batch.after).survivorship
        if rules != before:
            _rule_anew(fields, before, rules)
        profiles = batch.moved.get("identity", frozenset())
        if profiles:
            _refresh(fields, profiles, rules)
        if claims:
            attributes = {claim.attribute for claim in claims}
            fields.hold(added(batch.after, batch.position), rules, attributes)
        return profiles


def _rule_anew(fields: FieldStore, before: Survivorship, rules: Survivorship) -> None:
    """Computes the fields of the attributes whose rule changed."""
    changed = {attribute for attribute in fields.attributes() if before.of(attribute) != rules.of(attribute)}
    if changed:
        chosen = ruled_anew(changed)
        fields.remove(chosen)
        fields.hold(chosen, rules, changed)


def _refresh(fields: FieldStore, profiles: Collection[str], rules: Survivorship) -> None:
    """Computes all fields of these profiles from all their claims."""
    chosen = moved(profiles)
    fields.remove(chosen)
    fields.hold(chosen, rules, fields.attributes_of(profiles) if rules.attributes else ())


PROJECTION = ProfilesProjection()
