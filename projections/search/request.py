"""What is searched for, and where a page of the answer ended."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from projections.words import folded, words

LAST_SEEN, NAME = "last_seen", "name"
ORDERS = (LAST_SEEN, NAME)
MOST_WORDS = 8


class InvalidSearch(ValueError):
    """Something that nothing can be found by."""


class InvalidCursor(InvalidSearch):
    """A cursor that no page of this search gave out."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a cursor of this search: expected the `next` of an earlier page of the same")


@dataclass(frozen=True)
class Days:
    """From the first to the last day, both included; None is open."""

    first: date | None = None
    last: date | None = None

    def __bool__(self) -> bool:
        return self.first is not None or self.last is not None


ANY_DAY = Days()


@dataclass(frozen=True)
class Search:
    """What the profiles found have in common; what is not given does not matter.

    `name` are beginnings of words, in any order. `last_seen` and `first_seen` count in days. With `profiles` only these
    are looked at. Raises `InvalidSearch` for a name or a city without a letter or a digit.
    """

    name: str = ""
    city: str | None = None
    channel: str | None = None
    source: UUID | None = None
    last_seen: Days = ANY_DAY
    first_seen: Days = ANY_DAY
    order: str = LAST_SEEN
    profiles: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuses what would mean everybody although it was meant to mean somebody."""
        for what, given in (("name", self.name), ("city", self.city)):
            if given and not words(given):
                raise InvalidSearch(f"{what} {given!r} has no letter and no digit; expected the beginning of a word")

    @property
    def words(self) -> tuple[str, ...]:
        """The beginnings of words, folded; one that another begins with says nothing more."""
        given = sorted(set(words(self.name)))[:MOST_WORDS]
        return tuple(each for each in given if not any(other != each and other.startswith(each) for other in given))

    @property
    def folded_city(self) -> str | None:
        """The city in the form in which it is compared."""
        return folded(self.city) if self.city else None

    @property
    def by_combination(self) -> bool:
        """Whether anything is asked that profiles have in common with many others."""
        return bool(self.city or self.channel or self.source)

    @property
    def only_by_combination(self) -> bool:
        """Whether nothing else is asked."""
        return not (self.words or self.last_seen or self.first_seen) and self.profiles is None


class Cursor(NamedTuple):
    """Where a page ended, in an order, and up to which position of the log the first page looked.

    All pages of a search look at what was known at that position, so nothing that comes in meanwhile moves a profile
    from a page that is still to come to one that has been read.
    """

    order: str
    key: str
    profile: str
    position: int

    @classmethod
    def parse(cls, text: str, order: str) -> Cursor:
        """Reads what `str()` wrote. Raises `InvalidCursor`."""
        try:
            found = cls(*json.loads(base64.urlsafe_b64decode(text.encode())))
            found._check(order)
        except (binascii.Error, ValueError, TypeError) as error:
            raise InvalidCursor(text) from error
        return found

    def _check(self, order: str) -> None:
        types: tuple[Any, ...] = (str, str, str, int)
        if self.order != order or not all(map(isinstance, self, types)) or not 0 <= self.position < 2**63:
            raise ValueError
        if order == LAST_SEEN:
            date.fromisoformat(self.key)

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(list(self)).encode()).decode()
