"""Search: profiles by the words of their names, by city, and by where and when they were seen.

Rows are of profiles, so that a page and its counts are read from one index; they are computed again for the profiles
that a batch touches or that identity moves, and written only where something new is said: another place, another name,
another day. No row is written again because a known profile was seen again on the same day in the same place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projections.contract import Batch, Connected, Surroundings, Writer
from projections.search.names import ATTRIBUTES, NAMELESS, Called, called
from projections.search.statements import FIELDS, NAME, PLACE, TIDY, in_schemas


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
        return SearchWriter(schemas, surroundings.timezone.key)


class SearchWriter:
    """Brings the rows of the profiles up to date that a batch touches."""

    def __init__(self, schemas: Mapping[str, str], timezone: str) -> None:
        self._timezone = timezone
        self._fields, self._place, self._tidy, self._name = (
            in_schemas(statement, schemas) for statement in (FIELDS, PLACE, TIDY, NAME)
        )

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns nothing as moved: nobody builds upon a search."""
        moved = batch.moved.get("identity", frozenset())
        changed = moved | batch.moved.get("profiles", frozenset())
        if batch.touchpoints or changed:
            names = self._called(batch, sorted(changed), connection)
            gone = self._write_places(batch, sorted(moved), names, connection)
            self._write_names(names, gone, connection)
        return frozenset()

    def _called(self, batch: Batch, changed: Sequence[str], connection: Connected) -> dict[str, Called]:
        """What the profiles are called whose fields the batch may have changed."""
        chosen = {"after": batch.after, "position": batch.position, "moved": changed, "attributes": list(ATTRIBUTES)}
        fields: dict[str, dict[str, Any]] = {}
        for profile, attribute, value in connection.execute(self._fields, chosen, prepare=True):
            fields.setdefault(profile, {})[attribute] = value
        return {profile: called(said) for profile, said in fields.items()}

    def _write_places(
        self, batch: Batch, moved: Sequence[str], names: Mapping[str, Called], connection: Connected
    ) -> set[str]:
        """Days, places, cities and combinations; gives the profiles that are gone."""
        chosen = {
            "after": batch.after,
            "position": batch.position,
            "moved": moved,
            "called": list(names),
            "cities": [each.city for each in names.values()],
            "timezone": self._timezone,
            "nameless": NAMELESS,
        }
        gone = {profile for (profile,) in connection.execute(self._place, chosen, prepare=True)}
        connection.execute(self._tidy, prepare=True)
        return gone

    def _write_names(self, names: Mapping[str, Called], gone: set[str], connection: Connected) -> None:
        changes = {**{profile: each[:3] for profile, each in names.items()}, **dict.fromkeys(gone, (None, None, None))}
        if changes:
            columns = [list(column) for column in zip(*changes.values(), strict=True)]
            chosen = {"profiles": list(changes), **dict(zip(("names", "keys", "words"), columns, strict=True))}
            connection.execute(self._name, chosen, prepare=True)


PROJECTION = SearchProjection()
