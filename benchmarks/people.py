"""People in five channels, as their sources send them: who is behind a touchpoint, and what it says.

Each channel knows a person by something else: browsers and apps by a device, mostly before anybody logs in; mails by an
address; tills by a card; the call center by a phone number. Some touchpoints tie two of these together.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

CHANNELS = {"web": (0.7, 10), "mobile": (0.3, 10), "email": (0.6, 5), "store": (0.4, 3), "call_center": (0.15, 1)}
"""What part of the people is seen in each channel, which is also its source's name; and how often, beside others."""

BUSY = 0
OF_ONE = 20_000
"""How many touchpoints are of one person alone, or every fifth of fewer."""

CITIES = ("Ankara", "Istanbul", "Izmir", "Bursa", "Antalya", "Adana", "Konya", "Trabzon")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"

Item = dict[str, Any]


class Sent(NamedTuple):
    """An item of a source."""

    source: str
    item: Item

    @property
    def body(self) -> bytes:
        """Its bytes."""
        return json.dumps(self.item, separators=(",", ":")).encode()


class People:
    """Sends touchpoints of so many people, the first of whom come much more often than the last."""

    def __init__(self, count: int, start: datetime, seed: int = 1) -> None:
        self._count = count
        self._now = start
        self._chance = random.Random(seed)
        self._habits: dict[int, tuple[list[str], list[int]]] = {}
        self._makers = {
            "web": self._web,
            "mobile": self._mobile,
            "email": self._email,
            "store": self._store,
            "call_center": self._call_center,
        }

    def touchpoints(self, count: int) -> Iterator[Sent]:
        """So many touchpoints, a few seconds apart."""
        for _ in range(count):
            self._now += timedelta(seconds=self._chance.expovariate(1 / 5))
            person = int(self._count * self._chance.random() ** 2)
            if self._chance.random() < min(OF_ONE / count, 0.2):
                person = BUSY
            habits = self._habits.get(person) or self._habits.setdefault(person, self._new_habits())
            source = self._chance.choices(*habits)[0]
            yield Sent(source, self._dated(self._makers[source](person)))

    def _new_habits(self) -> tuple[list[str], list[int]]:
        """The channels in which a person is seen, and how often."""
        seen = [channel for channel, (part, _) in CHANNELS.items() if self._chance.random() < part] or ["web"]
        return seen, [CHANNELS[channel][1] for channel in seen]

    def callers(self, count: int) -> Iterator[Sent]:
        """As many people, each calling once from the call center's own line."""
        for caller in range(count):
            self._now += timedelta(seconds=1)
            traits = {"phone": "+902120000000"}
            call = {"type": "track", "event": "Call Ended", "context": {"traits": traits}, "userId": f"caller-{caller}"}
            yield Sent("call_center", self._dated(call))

    def _dated(self, item: Item) -> Item:
        common = {"messageId": f"{self._chance.getrandbits(96):024x}", "timestamp": self._now.isoformat()}
        return {**item, **common}

    def _web(self, person: int) -> Item:
        browser = {"anonymousId": f"browser-{person}-{self._chance.random() < 0.1}", "context": _browsing(person)}
        told = self._chance.random()
        if told < 0.03:
            return {"type": "identify", "userId": f"user-{person}", "traits": self._traits(person), **browser}
        who = {"userId": f"user-{person}"} if told < 0.4 else {}
        if told < 0.08:
            return {**self._order(), **who, **browser}
        page = {"url": f"https://shop.example/p/{person % 977}", "title": f"Product {person % 977}"}
        return {"type": "page", "name": "Product", "properties": page, **who, **browser}

    def _mobile(self, person: int) -> Item:
        context = {"device": {"id": f"device-{person}", "model": "Pixel 8"}, "os": {"name": "Android"}}
        who = {"userId": f"user-{person}"} if self._chance.random() < 0.7 else {}
        return {"type": "screen", "name": "Home", "properties": {"variation": "b"}, "context": context, **who}

    def _email(self, person: int) -> Item:
        event = self._chance.choice(("Email Delivered", "Email Opened", "Email Link Clicked"))
        properties = {"campaign_id": f"spring-{person % 12}", "email_subject": "Spring is here"}
        return {
            "type": "track",
            "event": event,
            "properties": properties,
            "context": {"traits": {"email": address(person)}},
        }

    def _store(self, person: int) -> Item:
        enrolled = {"traits": {"email": address(person)}} if self._chance.random() < 0.2 else {}
        card = {"externalIds": [{"id": f"card-{person}", "type": "loyalty_card", "collection": "users"}]}
        return {**self._order(), "context": {**card, **enrolled}}

    def _call_center(self, person: int) -> Item:
        who = {"userId": f"user-{person}"} if self._chance.random() < 0.3 else {}
        traits = {"phone": f"+90532{person:07}"}
        return {
            "type": "track",
            "event": "Call Ended",
            "properties": {"reason": "delivery", "duration": self._chance.randrange(900)},
            "context": {"traits": traits},
            **who,
        }

    def _order(self) -> Item:
        total = self._chance.randrange(100, 100_000)
        products = [{"product_id": f"sku-{self._chance.randrange(500)}", "price": "12.50", "quantity": 2}]
        properties = {
            "order_id": f"order-{self._chance.getrandbits(48)}",
            "total": f"{total // 100}.{total % 100:02}",
            "currency": "TRY",
            "products": products,
        }
        return {"type": "track", "event": "Order Completed", "properties": properties}

    def _traits(self, person: int) -> Item:
        return {
            "email": address(person),
            "name": f"Person {person}",
            "address": {"city": self._chance.choice(CITIES), "postalCode": f"{person % 81:02}000"},
            "newsletter": self._chance.random() < 0.5,
        }


def _browsing(person: int) -> Item:
    return {"ip": f"203.0.113.{person % 256}", "userAgent": AGENT, "locale": "tr-TR"}


def address(person: int) -> str:
    """A person's e-mail address."""
    return f"person.{person}@mail.example.com"
