"""Which customer the demo shows at its end: the one that joins most of what the channels know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from api.demo.items import Item
from api.demo.people import Person
from api.demo.synthetic import CALLS, EMAIL, SOCIAL, WEB


def most_joined(persons: Iterable[Person], items: Mapping[str, Iterable[Item]], surveyed: Collection[int]) -> Person:
    """The person seen in most channels and with most contradictions; of equals, the lowest card number.

    `surveyed` are the households whose demographics are known.
    """
    known = {source: _claimed(items[source]) for source in (WEB, EMAIL, SOCIAL, CALLS)}

    def rank(person: Person) -> tuple[int, int, int]:
        channels = sum(not known[source].isdisjoint((person.email, person.phone)) for source in known)
        extras = (person.household in surveyed) + (person.mistyped is not None) + (person.next_home is not None)
        return channels, extras, -person.household

    return max(persons, key=rank)


def _claimed(items: Iterable[Item]) -> set[str]:
    """Every e-mail address and phone number by which a source knows somebody."""
    found: set[str] = set()
    for item in items:
        traits = {**item.get("context", {}).get("traits", {}), **item.get("traits", {})}
        found.update(traits[name] for name in ("email", "phone") if name in traits)
    return found
