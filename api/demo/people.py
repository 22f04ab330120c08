"""Invented customers for the synthetic channels: one adult of a real household, made up from the seed.

Nobody can be reached at what is made up here. E-mail addresses lie in the domains that RFC 2606 reserves. There is no
number range that Turkey reserves for fiction, so phone numbers follow a pattern of their own that `phonenumbers` takes
for valid mobile numbers: +90 5PP 000 NNNN, where PP is an operator's prefix and NNNN counts the people.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random

ISTANBUL = timezone(timedelta(hours=3))
YEAR_END = datetime(2017, 12, 31, 22, tzinfo=ISTANBUL)
LATEST_START = datetime(2017, 7, 1, tzinfo=ISTANBUL)
"""Only households seen at a till before this get a companion, so that the other channels have half a year."""

FIRST_NAMES = (
    *("Ayşe", "Fatma", "Zeynep", "Elif", "Merve", "Büşra", "Esra", "Özlem", "Gülşen", "Şebnem", "İpek", "Çiğdem"),
    *("Defne", "Yağmur", "Işıl", "Sevgi", "Nurgül", "Hatice", "Mehmet", "Mustafa", "Ahmet", "Ali", "Hüseyin"),
    *("İbrahim", "Çağrı", "Ömer", "Uğur", "Şükrü", "Volkan", "Barış", "Kağan", "Yiğit", "Tolga", "Oğuz", "İlker"),
)
LAST_NAMES = (
    *("Yılmaz", "Kaya", "Demir", "Şahin", "Çelik", "Yıldız", "Yıldırım", "Öztürk", "Aydın", "Özdemir", "Arslan"),
    *("Doğan", "Kılıç", "Aslan", "Çetin", "Kara", "Koç", "Kurt", "Özkan", "Şimşek", "Polat", "Korkmaz", "Çakır"),
    *("Güneş", "Işık", "Bulut", "Tekin", "Güler", "Avcı", "Sarı", "Ünal", "Tunç", "Ateş", "Yavuz", "Bozkurt"),
)
MAIL_DOMAINS = ("example.com", "example.org", "example.net")
PHONE_PREFIXES = ("30", "32", "33", "35", "41", "42", "43", "44", "50", "51", "52", "55")
STREETS = ("Çınar Sokak", "Gül Sokak", "İstiklal Caddesi", "Şehitler Caddesi", "Ihlamur Sokak", "Ordu Caddesi")


@dataclass(frozen=True)
class Place:
    """A city's district and its postal code."""

    city: str
    district: str
    postal_code: str


PLACES = (
    Place("İstanbul", "Şişli", "34360"),
    Place("İstanbul", "Kadıköy", "34710"),
    Place("İstanbul", "Üsküdar", "34660"),
    Place("Ankara", "Çankaya", "06420"),
    Place("Ankara", "Keçiören", "06280"),
    Place("İzmir", "Karşıyaka", "35580"),
    Place("Muğla", "Menteşe", "48000"),
    Place("Bursa", "Nilüfer", "16110"),
    Place("Eskişehir", "Odunpazarı", "26020"),
    Place("Şanlıurfa", "Haliliye", "63300"),
    Place("Iğdır", "Merkez", "76000"),
    Place("Çanakkale", "Merkez", "17100"),
)


@dataclass(frozen=True)
class Person:
    """An invented customer who holds the loyalty card of a real household.

    `joined` is the first login on the web, after the card's first basket. Two things may change later: an address
    mistyped at the first login is put right, and the person moves to another place.
    """

    household: int
    first_name: str
    last_name: str
    email: str
    mistyped: str | None
    corrected: datetime
    phone: str
    home: Place
    next_home: Place | None
    moved: datetime
    street: str
    joined: datetime

    @property
    def name(self) -> str:
        """Both names, as written in Turkish."""
        return f"{self.first_name} {self.last_name}"

    @property
    def user_id(self) -> str:
        """The customer's id in the web shop."""
        return f"web-{self.household:05d}"

    def email_at(self, moment: datetime) -> str:
        """The address that the shop believes in at this time."""
        return self.mistyped if self.mistyped and moment < self.corrected else self.email

    def home_at(self, moment: datetime) -> Place:
        """Where the person lives at this time."""
        return self.next_home if self.next_home and moment >= self.moved else self.home


def people(first_baskets: Mapping[int, datetime], seed: int, count: int) -> list[Person]:
    """`count` people for as many of the households, which ones being decided by the seed.

    Each person depends on the seed, the household and its place in the order alone.
    """
    early = [household for household, first in first_baskets.items() if first < LATEST_START]
    chosen = sorted(early, key=lambda household: (Random(f"{seed}:{household}").random(), household))[:count]
    return [_person(household, number, first_baskets[household], seed) for number, household in enumerate(chosen)]


def between(random: Random, start: datetime, end: datetime) -> datetime:
    """A second between two times, in waking hours."""
    day = start + (end - start) * random.random()
    moment = day.replace(hour=random.randrange(8, 23), minute=random.randrange(60), second=random.randrange(60))
    return min(max(moment.replace(microsecond=0), start), end)


def ascii_letters(text: str) -> str:
    """Turkish text as someone without a Turkish keyboard writes it."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _person(household: int, number: int, first_basket: datetime, seed: int) -> Person:
    random = Random(f"{seed}:{household}:person")
    first_name, last_name = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    domain = random.choice(MAIL_DOMAINS)
    local = ascii_letters(f"{first_name}.{last_name}").lower()
    home, next_home = random.sample(PLACES, 2)
    joined = between(random, first_basket + timedelta(days=1), first_basket + timedelta(days=60))
    return Person(
        household=household,
        first_name=first_name,
        last_name=last_name,
        email=f"{local}{number}@{domain}",
        mistyped=f"{_swap(local, random)}{number}@{domain}" if random.random() < 0.25 else None,
        corrected=between(random, joined + timedelta(days=2), joined + timedelta(days=45)),
        phone=f"+905{random.choice(PHONE_PREFIXES)}000{number:04d}",
        home=home,
        next_home=next_home if random.random() < 0.3 else None,
        moved=between(random, joined + timedelta(days=30), YEAR_END),
        street=f"{random.choice(STREETS)} No: {random.randrange(1, 120)}",
        joined=joined,
    )


def _swap(word: str, random: Random) -> str:
    """The word with two neighbouring letters that differ exchanged, a common slip."""
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(1, len(word) - 1)]
    return random.choice([slip for slip in swapped if slip != word and slip.index(".") == word.index(".")])
