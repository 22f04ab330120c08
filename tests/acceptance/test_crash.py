"""Whatever is killed in the middle of a load, what was acknowledged is stored, once."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.ledger import assert_gapless, books, message_ids
from tests.acceptance.load import Load
from tests.acceptance.served import Served, eventually, gone, send, served

pytestmark = pytest.mark.slow


def more(load: Load, count: int) -> None:
    """Return once `count` more touchpoints were acknowledged."""
    target = len(load.acknowledged) + count
    eventually(lambda: len(load.acknowledged) >= target, f"{count} more acknowledged", 60)


def kill_worker(server: Served) -> None:
    (worker,) = (each for each in server.processes() if "--socket" in each.cmdline())
    send([worker], signal.SIGKILL)
    gone([worker])


def kill_all_and_start(server: Served) -> None:
    server.kill()
    server.start()


def assert_stored_once(server: Served, load: Load) -> None:
    with server.platform() as platform:
        stored = message_ids(platform)
        acknowledged = load.acknowledged
        assert len(acknowledged) == len(set(acknowledged))
        assert [each for each in acknowledged if each not in stored] == []
        assert [each for each, times in stored.items() if times > 1] == []
        assert set(stored) == set(acknowledged)
        assert platform.reader.head().position == len(stored) + 1
        assert_gapless(platform)
        counts = books(platform, "shop")
        assert counts.balanced
        assert counts.accepted == len(stored)
        assert counts.quarantined == 0


def test_kills_in_the_middle_of_a_load_lose_nothing_and_store_nothing_twice() -> None:
    with served("up") as server:
        load = Load(server.url, server.add_source("shop"))
        with load.running():
            more(load, 400)
            for fault in (kill_worker, *(Served.kill_database,) * 3, kill_all_and_start, kill_all_and_start):
                fault(server)
                more(load, 300)
        assert load.sent_again > 0
        assert_stored_once(server, load)
