"""Synthetic calls: the switchboard knows the number that rings, and the agent writes down why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from api.demo.items import Item
from api.demo.people import YEAR_END, Person, ascii_letters, between

SHARE = 0.5
ABANDONED = 0.12
REASONS = (
    "Kargo gecikmesi, müşteri siparişinin nerede olduğunu sordu.",
    "Kart puanları eksik yüklenmiş, şubeye yönlendirildi.",
    "Ürün kırık çıktı, değişim istiyor.",
    "Fatura bilgilerinin düzeltilmesini istedi.",
    "Kupon kodu kasada okunmamış.",
)


def calls(person: Person, random: Random) -> Iterator[Item]:
    """One to three calls of half of the people, and one more from those who move, to say so."""
    if random.random() < SHARE:
        for number in range(random.randint(1, 3)):
            start = between(random, person.joined + timedelta(hours=1), YEAR_END - timedelta(hours=2))
            yield from _call(person, f"call-{person.household}-{number}", start, random.choice(REASONS), random)
    if person.next_home:
        reason = f"Adres değişikliği: {person.next_home.district}, {person.next_home.city} olarak güncellendi."
        yield from _call(person, f"call-{person.household}-move", person.moved, reason, random, abandoned=0)
        yield _address(person, person.moved + timedelta(minutes=4))


def _call(
    person: Person, call: str, start: datetime, reason: str, random: Random, abandoned: float = ABANDONED
) -> Iterator[Item]:
    waited, talked = random.randrange(5, 150), random.randrange(40, 900)
    yield _track(
        person, "Call Offered", start, {"call_id": call, "direction": "inbound", "queue": "Müşteri hizmetleri"}
    )
    if random.random() < abandoned:
        gone = start + timedelta(seconds=waited)
        yield _track(person, "Call Abandoned", gone, {"call_id": call, "queue_duration": waited})
        return
    answered = start + timedelta(seconds=waited)
    agent = f"agent-{random.randrange(1, 15):02d}"
    yield _track(person, "Call Answered", answered, {"call_id": call, "agent_id": agent, "queue_duration": waited})
    ended = {
        "call_id": call,
        "agent_id": agent,
        "talk_duration": talked,
        "duration": waited + talked,
        "disposition": "resolved",
        "reason": reason,
    }
    yield _track(person, "Call Ended", answered + timedelta(seconds=talked), ended)


def _address(person: Person, moment: datetime) -> Item:
    """What the agent enters for a customer who moved: the new city, and the name without its Turkish letters."""
    home = person.home_at(moment)
    return {
        "type": "identify",
        "timestamp": moment.isoformat(),
        "traits": {
            "phone": person.phone,
            "name": ascii_letters(person.name).upper(),
            "city": home.city,
            "address": {"city": home.city, "state": home.district, "postalCode": home.postal_code, "country": "TR"},
        },
    }


def _track(person: Person, event: str, moment: datetime, properties: Item) -> Item:
    return {
        "type": "track",
        "event": event,
        "timestamp": moment.isoformat(),
        "context": {"traits": {"phone": person.phone}},
        "properties": properties,
    }
