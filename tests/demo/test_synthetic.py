"""The companion is made up, says so, reaches nobody, and is the same every time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import phonenumbers
import pytest
from email_validator import validate_email

from api.demo.items import Item
from api.demo.people import ISTANBUL, Person, ascii_letters, people
from api.demo.synthetic import CALLS, CHANNELS, EMAIL, SEED, SOCIAL, WEB, companion

COUNT = 120
RESERVED = {"example.com", "example.org", "example.net"}
FIRST_BASKETS = {
    household: datetime(2017, 1, 1, 12, tzinfo=ISTANBUL) + timedelta(days=household % 300)
    for household in range(1, 600)
}


@pytest.fixture(scope="module")
def items() -> dict[str, list[Item]]:
    return companion(FIRST_BASKETS, SEED, COUNT)


@pytest.fixture(scope="module")
def persons() -> list[Person]:
    return people(FIRST_BASKETS, SEED, COUNT)


def test_every_source_says_that_it_is_synthetic() -> None:
    assert set(CHANNELS) == {WEB, EMAIL, SOCIAL, CALLS}
    assert all(name.endswith("-synthetic") for name in CHANNELS)


def test_the_same_seed_gives_the_same_items(items: dict[str, list[Item]]) -> None:
    assert companion(dict(reversed(FIRST_BASKETS.items())), SEED, COUNT) == items


def test_another_seed_gives_other_items_under_other_ids(items: dict[str, list[Item]]) -> None:
    other = companion(FIRST_BASKETS, SEED + 1, COUNT)

    assert not {item["messageId"] for item in _all(other)} & {item["messageId"] for item in _all(items)}


def test_message_ids_are_unique_and_short(items: dict[str, list[Item]]) -> None:
    ids = [item["messageId"] for item in _all(items)]

    assert len(ids) == len(set(ids))
    assert max(map(len, ids)) < 100


def test_every_address_lies_in_a_reserved_domain(items: dict[str, list[Item]], persons: list[Person]) -> None:
    text = str(items)
    found = set(re.findall(r"[\w.+-]+@[\w.-]+\w", text))

    assert {person.email for person in persons if person.email in text} <= found
    assert {address.rpartition("@")[2] for address in found} <= RESERVED
    for address in found:
        validate_email(address, check_deliverability=False, test_environment=True)
    assert set(re.findall(r"https?://([\w.-]+)", text)) == {"shop.example.com"}


def test_every_phone_number_is_valid_and_follows_the_pattern(
    items: dict[str, list[Item]], persons: list[Person]
) -> None:
    found = set(re.findall(r"\+\d+", re.sub(r"\+03:00", "", str(items))))

    assert found
    assert len({person.phone for person in persons}) == len(persons)
    for number in found | {person.phone for person in persons}:
        assert re.fullmatch(r"\+905\d\d000\d{4}", number)
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))


def test_no_two_people_share_an_address(persons: list[Person]) -> None:
    addresses = [address for person in persons for address in (person.email, person.mistyped) if address]

    assert len(addresses) == len(set(addresses))


def test_everything_happens_after_the_first_basket_and_within_the_year(
    items: dict[str, list[Item]], persons: list[Person]
) -> None:
    households = {str(person.household) for person in persons}
    for item in _all(items):
        household = item["messageId"].split("-")[3]
        moment = datetime.fromisoformat(item["timestamp"])
        assert household in households
        assert FIRST_BASKETS[int(household)] < moment < datetime(2018, 1, 1, tzinfo=ISTANBUL)


def test_items_come_in_order_of_time(items: dict[str, list[Item]]) -> None:
    for found in items.values():
        times = [item["timestamp"] for item in found]
        assert times == sorted(times)


def test_only_the_web_knows_the_card_and_every_person_logs_in_there(
    items: dict[str, list[Item]], persons: list[Person]
) -> None:
    cards = {
        (source, entry["id"])
        for source, found in items.items()
        for item in found
        for entry in item.get("context", {}).get("externalIds", ())
        if entry["type"] == "loyalty_card"
    }

    assert cards == {(WEB, str(person.household)) for person in persons}


def test_some_claims_contradict_each_other(items: dict[str, list[Item]], persons: list[Person]) -> None:
    """Otherwise a profile would have no losing claim to show."""
    claimed: dict[str, set[str]] = {}
    for item in items[WEB]:
        if item["type"] == "identify":
            claimed.setdefault(item["userId"], set()).add(item["traits"]["email"])

    moved = [person for person in persons if person.next_home]
    assert any(len(addresses) == 2 for addresses in claimed.values())
    assert moved and all(person.next_home != person.home for person in moved)
    assert {item["traits"]["phone"] for item in items[CALLS] if item["type"] == "identify"} == {p.phone for p in moved}


def test_an_order_adds_up(items: dict[str, list[Item]]) -> None:
    from decimal import Decimal

    orders = [item["properties"] for item in items[WEB] if item.get("event") == "Order Completed"]

    assert orders
    for order in orders:
        lines = [Decimal(line["price"]) * line["quantity"] for line in order["products"]]
        assert sum(lines) == Decimal(order["total"]) == sum(Decimal(line["total"]) for line in order["products"])
        assert order["currency"] == "TRY"


def test_turkish_letters_become_plain_ones() -> None:
    assert ascii_letters("Işıl Çağrı ŞÜKRÜ İpek") == "Isil Cagri SUKRU Ipek"


def _all(items: dict[str, list[Item]]) -> Iterator[dict[str, Any]]:
    return (item for found in items.values() for item in found)
