"""What the demo sends, source by source, and whom it shows in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from api.demo.complete_journey import CompleteJourney, Figures
from api.demo.items import Item
from api.demo.people import Person, people
from api.demo.showcase import most_joined
from api.demo.sources import LOYALTY, STORE
from api.demo.synthetic import PEOPLE, SEED, companion


class Shipment(NamedTuple):
    """All items of one source, made when they are asked for."""

    source: str
    total: int
    items: Callable[[], Iterable[Item]]


class Plan(NamedTuple):
    """The shipments in the order in which they are sent, what the real ones must add up to, and whom to show."""

    shipments: list[Shipment]
    figures: Figures
    showcase: Person


def plan(journey: CompleteJourney, count: int = PEOPLE) -> Plan:
    """The real year, then its synthetic companion of `count` people."""
    figures, first_baskets = journey.figures(), journey.first_baskets()
    made_up = companion(first_baskets, SEED, count)
    surveyed = {int(item["context"]["externalIds"][0]["id"]) for item in journey.demographics()}
    programme = figures.campaigns + figures.redemptions + figures.demographics
    real = [
        Shipment(STORE, figures.baskets, journey.baskets),
        Shipment(LOYALTY, programme, lambda: _programme(journey)),
    ]
    synthetic = [Shipment(source, len(items), items.__iter__) for source, items in made_up.items()]
    return Plan([*real, *synthetic], figures, most_joined(people(first_baskets, SEED, count), made_up, surveyed))


def _programme(journey: CompleteJourney) -> Iterator[Item]:
    return chain(journey.demographics(), journey.campaigns(), journey.redemptions())
