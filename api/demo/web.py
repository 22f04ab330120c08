"""Synthetic visits to a web shop: anonymous at first, then logged in, some ending in an order in Turkish lira."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from api.demo.items import Item, card_of
from api.demo.people import YEAR_END, Person, between

HOST = "https://shop.example.com"
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 11_2 like Mac OS X) AppleWebKit/604.4.7 (KHTML, like Gecko) Mobile/15C114",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:57.0) Gecko/20100101 Firefox/57.0",
    "Mozilla/5.0 (Linux; Android 7.0; SM-G930F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/63.0.3239.84 Mobile",
)


class Product(NamedTuple):
    """An article of the web shop; the price is in lira."""

    product_id: str
    name: str
    category: str
    price: Decimal


CATALOGUE = (
    Product("tr-100", "Filtre kahve 250 g", "Kahve", Decimal("24.90")),
    Product("tr-101", "Türk kahvesi 100 g", "Kahve", Decimal("9.75")),
    Product("tr-102", "Çay 1 kg", "Çay", Decimal("27.50")),
    Product("tr-103", "Zeytinyağı 5 L", "Yağ", Decimal("139.90")),
    Product("tr-104", "Fıstıklı lokum 400 g", "Şekerleme", Decimal("34.45")),
    Product("tr-105", "Yün çorap", "Giyim", Decimal("19.99")),
    Product("tr-106", "Gözlük bezi", "Ev", Decimal("4.25")),
    Product("tr-107", "İğne oyası örtü", "Ev", Decimal("89.00")),
)


def web(person: Person, random: Random) -> Iterator[Item]:
    """One to two anonymous visits, the login, then one to four visits as a known customer."""
    anonymous = f"anon-{random.getrandbits(64):016x}"
    device = {"userAgent": random.choice(AGENTS), "ip": f"203.0.113.{random.randrange(1, 255)}", "locale": "tr-TR"}
    known: Item = {"userId": person.user_id, "anonymousId": anonymous, "context": device}
    unknown: Item = {"anonymousId": anonymous, "context": device}

    for _ in range(random.randint(1, 2)):
        yield from _visit(unknown, person.joined - timedelta(minutes=random.randrange(15, 720)), random)
    yield _login(person, known, person.joined)
    if person.mistyped:
        yield _login(person, known, person.corrected)
    for number in range(random.randint(1, 4)):
        start = between(random, person.joined + timedelta(minutes=5), YEAR_END - timedelta(hours=1))
        yield from _visit(known, start, random)
        if random.random() < 0.25:
            yield _order(person, known, number, start + timedelta(minutes=20), random)


def _visit(visitor: Item, start: datetime, random: Random) -> Iterator[Item]:
    """Pages with the products looked at; now and then one goes into the basket."""
    moment = start
    yield _page(visitor, "Ana sayfa", "/", moment)
    for product in random.sample(CATALOGUE, random.randint(1, 4)):
        moment += timedelta(seconds=random.randrange(10, 120))
        yield _page(visitor, product.name, f"/urun/{product.product_id}", moment)
        yield _track(visitor, "Product Viewed", _line(product), moment + timedelta(seconds=1))
        if random.random() < 0.25:
            yield _track(visitor, "Product Added", {**_line(product), "quantity": 1}, moment + timedelta(seconds=9))


def _login(person: Person, visitor: Item, moment: datetime) -> Item:
    """The customer's account as it stands now; it names the loyalty card, which joins the baskets at the till."""
    home = person.home_at(moment)
    return {
        "type": "identify",
        **visitor,
        "timestamp": moment.isoformat(),
        "context": {**visitor["context"], "externalIds": [card_of(person.household)]},
        "traits": {
            "email": person.email_at(moment),
            "phone": person.phone,
            "name": person.name,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "city": home.city,
            "address": {
                "street": person.street,
                "city": home.city,
                "state": home.district,
                "postalCode": home.postal_code,
                "country": "TR",
            },
        },
    }


def _order(person: Person, visitor: Item, number: int, moment: datetime, random: Random) -> Item:
    bought = [(product, random.randint(1, 3)) for product in random.sample(CATALOGUE, random.randint(1, 3))]
    order = {
        "order_id": f"tr-{person.household}-{number}",
        "total": str(sum((product.price * quantity for product, quantity in bought), Decimal("0.00"))),
        "currency": "TRY",
        "products": [
            {**_line(product), "quantity": quantity, "total": str(product.price * quantity)}
            for product, quantity in bought
        ],
    }
    return _track(visitor, "Order Completed", order, moment)


def _line(product: Product) -> Item:
    return {**product._asdict(), "price": str(product.price), "currency": "TRY"}


def _page(visitor: Item, title: str, path: str, moment: datetime) -> Item:
    page = {"title": title, "path": path, "url": f"{HOST}{path}"}
    return {"type": "page", "name": title, **visitor, "timestamp": moment.isoformat(), "properties": page}


def _track(visitor: Item, event: str, properties: Item, moment: datetime) -> Item:
    return {"type": "track", "event": event, **visitor, "timestamp": moment.isoformat(), "properties": properties}
