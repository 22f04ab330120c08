"""Search: profiles by the words of their names, by city, and by where and when they were seen.

Rows are of profiles, so that a page and its counts are read from one index; they are computed again for the profiles
that a batch touches or that identity moves, and written only where something new is said: another place, another name,
another day. No row is written again because a known profile was seen again on the same day in the same place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from projections.contract import Batch, Connected, Surroundings, Writer
from projections.search.names import ATTRIBUTES, NAMELESS, Called, called
from projections.search.statements import FIELDS, NAME, PLACE, SHOWN, TIDY, in_schemas

AT_ONCE = 10_000
"""Profiles whose names are computed again by one statement."""


@dataclass(frozen=True)
class SearchProjection:
    """The declaration. It reads what the others wrote of the batch: whose touchpoints, their times, the names."""

    name: str = "search"
    version: int = 1
    requires: tuple[str, ...] = ("identity", "profiles", "timeline")

    def configuration(self, surroundings: Surroundings) -> str:
        """The time zone, in which a day is counted."""
        return f"timezone={surroundings.timezone.key}"

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer; it remembers nothing."""
        return SearchWriter(schemas, surroundings)


class SearchWriter:
    """Brings the rows of the profiles up to date that a batch touches."""

    def __init__(self, schemas: Mapping[str, str], surroundings: Surroundings) -> None:
        self._timezone = surroundings.timezone.key
        self._policies = surroundings.policies
        self._fields, self._shown, self._place, self._tidy, self._name = (
            in_schemas(statement, schemas) for statement in (FIELDS, SHOWN, PLACE, TIDY, NAME)
        )

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns nothing as moved: nobody builds upon a search."""
        moved = sorted(batch.moved.get("identity", frozenset()))
        if batch.touchpoints or moved:
            called = self._called(batch, moved, connection)
            gone = self._write_places(batch, moved, called, connection)
            self._write_names(called, gone, connection)
        self._rule_anew(batch, connection)
        return frozenset()

    def _rule_anew(self, batch: Batch, connection: Connected) -> None:
        """After a change of the survivorship rules names and cities may be others."""
        before = self._policies.at(batch.after).survivorship
        rules = self._policies.at(batch.position).survivorship
        changed = [each for each in ATTRIBUTES if before.of(each) != rules.of(each)] if rules != before else []
        if changed:
            nothing = replace(batch, touchpoints=(), after=batch.position)
            profiles = [profile for (profile,) in connection.execute(self._shown, [changed])]
            for start in range(0, len(profiles), AT_ONCE):
                called = self._called(nothing, profiles[start : start + AT_ONCE], connection)
                self._write_places(nothing, (), called, connection)
                self._write_names(called, (), connection)

    def _called(self, batch: Batch, others: Sequence[str], connection: Connected) -> dict[str, Called]:
        """What the profiles are called whose fields the batch may have changed, and some others."""
        chosen = {"after": batch.after, "position": batch.position, "others": others, "attributes": list(ATTRIBUTES)}
        fields: dict[str, dict[str, Any]] = {}
        for profile, attribute, value in connection.execute(self._fields, chosen, prepare=True):
            fields.setdefault(profile, {})[attribute] = value
        return {profile: called(said) for profile, said in fields.items()}

    def _write_places(
        self, batch: Batch, moved: Sequence[str], names: Mapping[str, Called], connection: Connected
    ) -> list[str]:
        """Days, places, cities and combinations; gives the profiles that are gone."""
        chosen = {
            "after": batch.after,
            "position": batch.position,
            "moved": list(moved),
            "called": list(names),
            "cities": [each.city for each in names.values()],
            "timezone": self._timezone,
            "nameless": NAMELESS,
        }
        gone = [profile for (profile,) in connection.execute(self._place, chosen, prepare=True)]
        connection.execute(self._tidy, prepare=True)
        return gone

    def _write_names(self, names: Mapping[str, Called], gone: Sequence[str], connection: Connected) -> None:
        changes = {**{profile: each[:3] for profile, each in names.items()}, **dict.fromkeys(gone, (None, None, None))}
        if changes:
            columns = [list(column) for column in zip(*changes.values(), strict=True)]
            chosen = {"profiles": list(changes), **dict(zip(("names", "keys", "words"), columns, strict=True))}
            connection.execute(self._name, chosen, prepare=True)


PROJECTION = SearchProjection()
