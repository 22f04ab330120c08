"""Synthetic newsletters: what an e-mail provider reports for each address, which is all that it knows of a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from api.demo.items import Item
from api.demo.people import ISTANBUL, YEAR_END, Person

SUBJECTS = {
    2: "Şubat fırsatları başladı",
    3: "Bahar geldi: çay ve kahvede indirim",
    4: "23 Nisan'a özel hediyeler",
    5: "Anneler Günü için öneriler",
    6: "Yaz öncesi büyük indirim",
    7: "Yaz meyveleri sofranızda",
    8: "Ağustos'un yıldızları",
    9: "Okula dönüş listesi",
    10: "Sonbahar çorbaları",
    11: "Kasım indirimleri: üç gün kaldı",
    12: "Yılbaşı sofranız hazır mı?",
}


def newsletters(person: Person, random: Random) -> Iterator[Item]:
    """The monthly newsletter from the first login on, until the person has had enough of it."""
    for month, subject in SUBJECTS.items():
        sent = datetime(2017, month, random.randrange(4, 12), random.randrange(8, 11), tzinfo=ISTANBUL)
        if sent <= person.joined or sent > YEAR_END:
            continue
        mail = _Mail(person, month, subject, sent)
        yield mail.item("Email Sent", 0)
        if mail.address != person.email:
            yield mail.item("Email Bounced", 4, bounce_type="hard")
            continue
        yield mail.item("Email Delivered", 6)
        yield from _reading(mail, random)
        if random.random() < 0.02:
            yield mail.item("Unsubscribed", 90_000)
            return


class _Mail:
    """One letter to one address."""

    def __init__(self, person: Person, month: int, subject: str, sent: datetime) -> None:
        self.address = person.email_at(sent)
        self.sent = sent
        self.properties = {
            "message_id": f"mail-2017-{month:02d}-{person.household}",
            "campaign": f"newsletter-2017-{month:02d}",
            "subject": subject,
        }

    def item(self, event: str, seconds: int, **more: str) -> Item:
        """What happened to the letter so many seconds after it was sent."""
        return {
            "type": "track",
            "event": event,
            "timestamp": (self.sent + timedelta(seconds=seconds)).isoformat(),
            "context": {"traits": {"email": self.address}},
            "properties": {**self.properties, **more},
        }


def _reading(mail: _Mail, random: Random) -> Iterator[Item]:
    if random.random() < 0.45:
        opened = random.randrange(60, 60_000)
        yield mail.item("Email Opened", opened)
        if random.random() < 0.35:
            link = f"https://shop.example.com/urun/tr-{random.randrange(100, 108)}"
            yield mail.item("Email Link Clicked", opened + random.randrange(5, 90), link_url=link)
