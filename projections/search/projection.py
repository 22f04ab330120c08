"""Search: profiles by the words of their names, by city, and by where and when they were seen.

Rows are of profiles, so that a page and its counts are read from one index; they are computed again for the profiles
that a batch touches or that identity moves, and written only where something new is said: another place, another name,
another day. No row is written again because a known profile was seen again on the same day in the same place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from projections.contract import Batch, Connected, Surroundings, Writer
from projections.copying import copy_rows
from projections.search.names import ATTRIBUTES, NAMELESS, Called, called
from projections.search.sightings import News, Sightings
from projections.search.statements import FIELDS, LATE, NAME, PLACE, RETELL, SHOWN, TIDY, in_schemas

DAYS = {"profile": "text", "day": "date", "position": "int8"}
NOTHING = (None, None, None, None)

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
        self._days = f"{schemas['search']}.days"
        self._timezone = surroundings.timezone.key
        self._policies = surroundings.policies
        self._sightings = Sightings(schemas, surroundings.timezone)
        self._fields, self._shown, self._late, self._retell, self._place, self._tidy, self._name = (
            in_schemas(statement, schemas) for statement in (FIELDS, SHOWN, LATE, RETELL, PLACE, TIDY, NAME)
        )

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns nothing as moved: nobody builds upon a search."""
        moved = batch.moved.get("identity", frozenset())
        if batch.touchpoints or moved:
            news = self._sightings.news(connection, batch.touchpoints, moved)
            self._add_days(news, connection)
            retold = self._tell_again(batch, moved, connection)
            names = self._called(batch, sorted(moved), connection)
            self._write(connection, names, news.places, retold)
        self._rule_anew(batch, connection)
        return frozenset()

    def _add_days(self, news: News, connection: Connected) -> None:
        if news.days:
            copy_rows(connection, self._days, DAYS, news.days)
        if news.late:
            profiles, days = zip(*news.late, strict=True)
            connection.execute(self._late, [list(profiles), list(days), list(news.late.values())], prepare=True)

    def _tell_again(self, batch: Batch, moved: Collection[str], connection: Connected) -> dict[str, list[str] | None]:
        """Computes the days of moved profiles from all their touchpoints; gives their places, None if none is left."""
        retold: dict[str, list[str] | None] = dict.fromkeys(sorted(moved))
        if moved:
            chosen = {"moved": list(retold), "position": batch.position, "timezone": self._timezone}
            retold |= dict(connection.execute(self._retell, chosen, prepare=True).fetchall())
        return retold

    def _rule_anew(self, batch: Batch, connection: Connected) -> None:
        """After a change of the survivorship rules names and cities may be others."""
        before = self._policies.at(batch.after).survivorship
        rules = self._policies.at(batch.position).survivorship
        changed = [each for each in ATTRIBUTES if before.of(each) != rules.of(each)] if rules != before else []
        if changed:
            nothing = replace(batch, touchpoints=(), after=batch.position)
            profiles = [profile for (profile,) in connection.execute(self._shown, [changed])]
            for start in range(0, len(profiles), AT_ONCE):
                self._write(connection, self._called(nothing, profiles[start : start + AT_ONCE], connection), {}, {})

    def _called(self, batch: Batch, others: Sequence[str], connection: Connected) -> dict[str, Called]:
        """What the profiles are called whose fields the batch may have changed, and some others."""
        chosen = {"after": batch.after, "position": batch.position, "others": others, "attributes": list(ATTRIBUTES)}
        fields: dict[str, dict[str, Any]] = {}
        for profile, attribute, value in connection.execute(self._fields, chosen, prepare=True):
            fields.setdefault(profile, {})[attribute] = value
        return {profile: called(said) for profile, said in fields.items()}

    def _write(
        self,
        connection: Connected,
        names: Mapping[str, Called],
        places: Mapping[str, Collection[str]],
        retold: Mapping[str, Collection[str] | None],
    ) -> None:
        """Writes who is called what, and where profiles were seen: new places of some, all there are of the retold."""
        everybody = list({**names, **places, **retold})
        if not everybody:
            return
        given = {
            "profiles": everybody,
            "places": [
                "|".join(sorted(found)) if (found := places.get(profile) or retold.get(profile)) else None
                for profile in everybody
            ],
            "retold": [profile in retold for profile in everybody],
            "cities": [names[profile].city if profile in names else None for profile in everybody],
            "nameless": NAMELESS,
        }
        gone = [profile for (profile,) in connection.execute(self._place, given, prepare=True)]
        connection.execute(self._tidy, prepare=True)
        self._write_names({**names, **dict.fromkeys(gone)}, connection)

    def _write_names(self, names: Mapping[str, Called | None], connection: Connected) -> None:
        """Writes names; a profile that is gone is called nothing."""
        if names:
            columns = [list(column) for column in zip(*(each or NOTHING for each in names.values()), strict=True)]
            given = {"profiles": list(names), **dict(zip(("names", "keys", "words"), columns, strict=False))}
            connection.execute(self._name, given, prepare=True)


PROJECTION = SearchProjection()
