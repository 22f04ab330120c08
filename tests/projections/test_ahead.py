"""Reading ahead: the same touchpoints, whether a helper fetched them or not, and whatever becomes of the helper."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest

from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform
from cdp.settings import Settings
from projections.ahead import ReadAhead, reading_ahead
from tests.api.serving import Served, served

LIMIT = 10
COUNT = 200


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """A platform with touchpoints of many people."""
    with served(settings) as app:
        app.source("shop", "web")
        fill(app)
        yield app.platform


def fill(app: Served) -> None:
    """Sends touchpoints."""
    item = {"type": "identify", "traits": {"city": "Izmir", "name": "Ada"}, "context": {"ip": "203.0.113.7"}}
    app.send("shop", *({**item, "userId": f"u{person}", "messageId": str(person)} for person in range(COUNT)))


def read(ahead: ReadAhead, *, until: int | None = None) -> list[Touchpoint]:
    """All touchpoints, batch by batch; waits for the helper to be ready after the first one."""
    found: list[Touchpoint] = []
    after, head = 0, ahead.head().position if until is None else until
    while events := ahead.read(after, LIMIT, head):
        found += ahead.open(events)
        after = events[-1].position
        if ahead._helper is not None and after == LIMIT:
            assert ahead._helper._coming.result(30) is not None
    return found


def test_what_is_fetched_by_a_helper_is_what_is_read_here(platform: Platform) -> None:
    with reading_ahead(platform) as ahead:
        found = read(ahead, until=6 * LIMIT)
        fetched = []
        while len(found) < COUNT:
            events = ahead.read(found[-1].position, LIMIT)
            fetched.append(ahead._fetched is not None)
            found += ahead.open(events)
    assert sum(fetched) > len(fetched) / 2
    assert found == platform.opener.open(platform.reader.read(0, 1_000))
    assert found[-1].traits == {"city": "Izmir", "name": "Ada"}


def test_part_of_a_batch_can_be_opened_again(platform: Platform) -> None:
    with reading_ahead(platform) as ahead:
        read(ahead, until=6 * LIMIT)
        events = ahead.read(5 * LIMIT, LIMIT)
        assert ahead.open(events[:3]) == ahead.open(events)[:3]


def test_a_helper_that_is_killed_is_not_missed(platform: Platform) -> None:
    with reading_ahead(platform) as ahead:
        read(ahead, until=6 * LIMIT)
        assert ahead._helper is not None
        process = psutil.Process(ahead._helper._process.pid or 0)
        process.kill()
        process.wait(10)
        assert read(ahead) == platform.opener.open(platform.reader.read(0, 1_000))


def test_no_helper_is_started_for_a_little(platform: Platform) -> None:
    with reading_ahead(platform) as ahead:
        head = ahead.head().position
        assert len(ahead.open(ahead.read(head - 2 * LIMIT, LIMIT))) == LIMIT
        assert ahead._helper is None


def test_the_helper_ends_with_whoever_needed_it(platform: Platform) -> None:
    with reading_ahead(platform) as ahead:
        read(ahead)
        assert ahead._helper is not None
        process = psutil.Process(ahead._helper._process.pid or 0)
    deadline = time.monotonic() + 120
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_new_identifiers_come_with_their_values(platform: Platform) -> None:
    with reading_ahead(platform) as ahead:
        found = read(ahead, until=12 * LIMIT)
        numbers = [number for touchpoint in found for number in touchpoint.header.numbers()]
        # What the helper did not tell of is looked up
        assert ahead.values(numbers) == platform.vault.values(numbers)
