"""Synthetic social media: an Instagram account, which joins the rest only when its owner writes an e-mail address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from api.demo.items import Item, external_id
from api.demo.people import YEAR_END, Person, between

SHARE = 0.45
QUESTIONS = (
    "Merhaba, siparişim hâlâ gelmedi, yardımcı olur musunuz?",
    "Şişli mağazanız pazar günü açık mı?",
    "Kartımdaki puanları internetten kullanabiliyor muyum?",
    "İndirim kuponum çalışmıyor 😕",
)


def social(person: Person, random: Random) -> Iterator[Item]:
    """A follower who reacts to posts; some of them write a direct message, with or without their address."""
    if random.random() > SHARE:
        return
    account = f"1784140{random.randrange(10**9):09d}"
    followed = between(random, person.joined, YEAR_END - timedelta(days=60))
    yield _item(account, "Followed", followed, {"network": "instagram"})
    for _ in range(random.randint(1, 8)):
        post = {
            "network": "instagram",
            "post_id": f"post-{random.randrange(200)}",
            "kind": random.choice(("like", "like", "like", "comment", "share")),
        }
        yield _item(account, "Post Engaged", between(random, followed, YEAR_END), post)
    if random.random() < 0.6:
        yield _message(person, account, between(random, followed, YEAR_END), random)


def _message(person: Person, account: str, moment: datetime, random: Random) -> Item:
    text = random.choice(QUESTIONS)
    item = _item(account, "Direct Message Received", moment, {"network": "instagram", "text": text})
    if random.random() < 0.75:
        item["properties"]["text"] = f"{text} E-postam {person.email}"
        item["context"]["traits"] = {"email": person.email}
    return item


def _item(account: str, event: str, moment: datetime, properties: Item) -> Item:
    return {
        "type": "track",
        "event": event,
        "timestamp": moment.isoformat(),
        "context": {"externalIds": [external_id("instagram_id", account)]},
        "properties": properties,
    }
