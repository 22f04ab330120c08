"""The synthetic companion: what some of the real households might have done on the web, by e-mail, chat and phone.

Everything here is made up, and the names of the sources say so. It exists because the real data know one channel
only, while the point of the platform is to join several. The same seed gives the same items, message ids included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from random import Random

from api.demo.calls import calls
from api.demo.items import Item
from api.demo.newsletters import newsletters
from api.demo.people import Person, people
from api.demo.social import social
from api.demo.web import web

SEED = 2017
PEOPLE = 400

WEB = "web-synthetic"
EMAIL = "email-synthetic"
SOCIAL = "social-synthetic"
CALLS = "calls-synthetic"

CHANNELS: Mapping[str, Callable[[Person, Random], Iterable[Item]]] = {
    WEB: web,
    EMAIL: newsletters,
    SOCIAL: social,
    CALLS: calls,
}


def companion(first_baskets: Mapping[int, datetime], seed: int = SEED, count: int = PEOPLE) -> dict[str, list[Item]]:
    """The items of each synthetic source, in order of time, for `count` of the households with a first basket."""
    persons = people(first_baskets, seed, count)
    return {source: _source(source, persons, seed) for source in CHANNELS}


def _source(source: str, persons: Iterable[Person], seed: int) -> list[Item]:
    items = [item for person in persons for item in _person(source, person, seed)]
    return sorted(items, key=lambda item: (item["timestamp"], item["messageId"]))


def _person(source: str, person: Person, seed: int) -> list[Item]:
    """One person's items of a source, each with an id that depends on seed, household and place only."""
    random = Random(f"{seed}:{person.household}:{source}")
    return [
        {**item, "messageId": f"{source}-{seed}-{person.household}-{number}"}
        for number, item in enumerate(CHANNELS[source](person, random))
    ]
