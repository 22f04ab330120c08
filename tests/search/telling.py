"""What a search must find, told from the touchpoints alone: every profile is looked at, nothing is indexed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.log.touchpoint import Touchpoint
from projections.contract import Connected
from projections.search.request import Days, Search
from tests.projections.world import World

ZONE = ZoneInfo("Europe/Istanbul")
FIRST_NAMES = ("Ayşe", "AYŞEGÜL", "Işıl", "İrem", "ali", "Âli", "Çağ-la")
LAST_NAMES = ("Yılmaz", "YILDIZ", "Öz", "O'Neil", "Ali")
CITIES = ("İzmir", "IZMIR", "Iğdır", "istanbul")
_TURKISH = str.maketrans("İIıĞğÜüŞşÖöÇçÂâ", "iiigguussooccaa")
_WHO = ("user_id", "email", "loyalty_card", "anonymous_id", "phone")


@dataclass
class Told:
    """A profile as its touchpoints tell it."""

    profile: str
    said: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    places: set[tuple[str, UUID]] = field(default_factory=set)
    days: set[date] = field(default_factory=set)

    def take(self, touchpoint: Touchpoint) -> None:
        """Adds a touchpoint; of each trait what was said last counts."""
        header = touchpoint.header
        self.days.add(header.effective_at.astimezone(ZONE).date())
        self.places.add((header.channel, header.source))
        for name, value in leaves(touchpoint.traits):
            moment = (header.effective_at, header.id)
            if value not in (None, "") and (name not in self.said or self.said[name][0] < moment):
                self.said[name] = (moment, value)

    def text(self, *names: str) -> str:
        """The first of these traits that is a text."""
        for name in names:
            value = self.said.get(name, (None, None))[1]
            if isinstance(value, str) and value.strip():
                return value
        return ""

    @property
    def name(self) -> str:
        """As it is shown."""
        return self.text("name") or f"{self.text('firstName')} {self.text('last_name')}".strip()

    @property
    def words(self) -> set[str]:
        """By which it is found."""
        return {word for part in ("name", "firstName", "last_name") for word in words_of(self.text(part))}

    @property
    def city(self) -> str:
        """Folded."""
        return " ".join(words_of(self.text("address.city", "city")))

    def fits(self, search: Search) -> bool:
        """Whether it has everything that is asked for."""
        return (
            all(any(word.startswith(start) for word in self.words) for start in words_of(search.name))
            and (not search.city or self.city == " ".join(words_of(search.city)))
            and any(
                search.channel in (None, channel) and search.source in (None, source) for channel, source in self.places
            )
            and within(max(self.days), search.last_seen)
            and within(min(self.days), search.first_seen)
        )


def words_of(text: str) -> list[str]:
    """Folded words, by a table of the letters used here."""
    folded = text.translate(_TURKISH).lower()
    return "".join(letter if letter.isalnum() else " " for letter in folded).split()


def within(day: date, days: Days) -> bool:
    """Whether a day is in a range whose ends may be open."""
    return (days.first is None or days.first <= day) and (days.last is None or day <= days.last)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Dotted names and values."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def told(connection: Connected, touchpoints: Iterable[Touchpoint]) -> list[Told]:
    """All profiles, with each touchpoint where identity puts it."""
    memberships = defaultdict(list)
    query = """
        select subject, nullif(from_at, '-infinity'), from_event, nullif(to_at, 'infinity'), to_event, profile
        from identity.memberships
    """
    for subject, *bounds in connection.execute(query):
        memberships[subject].append(bounds)
    found: dict[str, Told] = {}
    for each in touchpoints:
        moment = (each.header.effective_at, each.header.id)
        for from_at, from_event, to_at, to_event, profile in memberships.get(each.header.subject, ()):
            if (not from_at or (from_at, from_event) <= moment) and (not to_at or moment < (to_at, to_event)):
                found.setdefault(profile, Told(profile)).take(each)
    return list(found.values())


def ordered(profiles: Iterable[Told], search: Search) -> list[Told]:
    """In the order that a search asks for."""
    if search.order == "name":
        return sorted(profiles, key=lambda each: (not each.name, " ".join(words_of(each.name)), each.profile))
    return sorted(profiles, key=lambda each: (max(each.days), each.profile), reverse=True)


def facets(profiles: Sequence[Told]) -> tuple[Counter[str], Counter[UUID], Counter[str]]:
    """Channels, sources, cities."""
    channels = Counter(channel for each in profiles for channel in {channel for channel, _ in each.places})
    sources = Counter(source for each in profiles for source in {source for _, source in each.places})
    return channels, sources, Counter(each.city for each in profiles if each.city)


def grow(world: World, chance: random.Random, touchpoints: int) -> None:
    """Appends touchpoints of a dozen people, some of them late, some that merge people, some that a steward parts."""
    for _ in range(touchpoints):
        if chance.random() < 0.04:
            kind = chance.choice(["link", "unlink", "unlink", "block"])
            given = [dict([_anybody(chance)]) for _ in range(1 if kind == "block" else 2)]
            if len(given) == 1 or given[0] != given[1]:
                world.decide(kind, *given)  # type: ignore[arg-type]
        else:
            who = dict(_anybody(chance) for _ in range(chance.choice([0, 1, 1, 1, 2, 2, 3])))
            channel = chance.choice(["web", "store", "email"])
            world.see(
                who,
                at=chance.uniform(0, 24 * 30),
                late=chance.choice([0, 0, 0, 30, -30]),
                traits=_traits(chance),
                channel=channel,
                source=chance.choice([channel, "partner"]),
            )


def _anybody(chance: random.Random) -> tuple[str, str]:
    return chance.choice(_WHO), str(min(chance.randrange(12), chance.randrange(12)))


def _traits(chance: random.Random) -> dict[str, Any] | None:
    if chance.random() < 0.5:
        return None
    said: dict[str, Any] = {}
    for name, values in (("firstName", FIRST_NAMES), ("last_name", LAST_NAMES), ("city", CITIES)):
        if chance.random() < 0.5:
            said[name] = chance.choice([*values, *values, "", None, 7, "  "])
    if chance.random() < 0.1:
        said["name"] = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    if chance.random() < 0.1:
        said["address"] = {"city": chance.choice(CITIES)}
    return said


def any_search(chance: random.Random, world: World) -> Search:
    """A search that may combine everything."""

    def maybe(values: Sequence[Any], share: float) -> Any:
        return chance.choice(values) if chance.random() < share else None

    start = date(2024, 3, 1)
    days = [Days(*sorted((start + timedelta(chance.randrange(32)), start + timedelta(chance.randrange(32)))))]
    days += [Days(days[0].first), Days(last=days[0].last)]
    sources = sorted({each.header.source for each in world.touchpoints})
    return Search(
        name=maybe(
            ["a", "ay", "AYŞ yıl", "yilmaz ayse", "i", "ali", "cag la", "ö", "oneil", "o neil", "zz", "a a"], 0.4
        )
        or "",
        city=maybe([*CITIES, "izmir", "Van"], 0.25),
        channel=maybe(["web", "store", "email", "sms"], 0.3),
        source=maybe(sources, 0.3),
        last_seen=maybe(days, 0.3) or Days(),
        first_seen=maybe(days, 0.2) or Days(),
        order=chance.choice(["last_seen", "name"]),
    )
