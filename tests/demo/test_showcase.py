"""The profile that the demo shows joins more than any other."""

from __future__ import annotations

from datetime import datetime, timedelta

from api.demo.people import ISTANBUL, people
from api.demo.showcase import most_joined
from api.demo.synthetic import CALLS, EMAIL, SOCIAL, WEB, companion

FIRST = {
    household: datetime(2017, 1, 1, 12, tzinfo=ISTANBUL) + timedelta(days=household % 90) for household in range(400)
}


def test_the_person_shown_is_known_in_every_channel_and_has_moved() -> None:
    items, persons = companion(FIRST), people(FIRST, 2017, 400)

    shown = most_joined(persons, items, surveyed=range(0, 400, 3))

    assert shown.household % 3 == 0
    assert shown.next_home
    texts = {source: str(items[source]) for source in (WEB, EMAIL, SOCIAL, CALLS)}
    assert all(shown.email in texts[source] for source in (WEB, EMAIL, SOCIAL))
    assert shown.phone in texts[CALLS]


def test_the_choice_does_not_depend_on_the_order() -> None:
    items, persons = companion(FIRST), people(FIRST, 2017, 400)

    assert most_joined(persons, items, ()) == most_joined(reversed(persons), items, ())
