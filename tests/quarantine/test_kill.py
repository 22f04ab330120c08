"""A replay that is killed in the middle loses nothing, takes nothing in twice, and is taken up by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter as Counts

import pytest

from cdp.quarantine.change import Patch
from cdp.quarantine.selection import Selection
from cdp.settings import Settings
from tests.quarantine.counter import Counter

pytestmark = pytest.mark.slow

_BUSY = """
select count(*)
from pg_stat_activity
where datname = current_database()
  and state <> 'idle'
  and pid <> pg_backend_pid()
"""
ITEMS = 8_000
SECONDS = 60.0


def replaying(settings: Settings) -> subprocess.Popen[bytes]:
    """`cdp quarantine replay --all` in a process of its own."""
    environment = os.environ | {
        "CDP_HOME": str(settings.home),
        "CDP_LOG_URL": settings.log_url or "",
        "CDP_VAULT_URL": settings.vault_url or "",
        "CDP_READ_URL": settings.read_url or "",
        "CDP_ALLOW_WEAK_DURABILITY": "1",
    }
    command = [sys.executable, "-m", "api.cli.main", "quarantine", "replay", "--all"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def accepted(counter: Counter) -> int:
    with counter.platform.databases.log.connection() as connection:
        (found,) = connection.execute("select count(*) from quarantine where state = 'accepted'").fetchone() or (0,)
    return int(found)


def busy(counter: Counter) -> bool:
    """Whether the server still works at what a killed process asked of it."""
    with counter.platform.databases.log.connection() as connection:
        return connection.execute(_BUSY).fetchone() != (0,)


def kill_after(counter: Counter, settings: Settings, more: int) -> None:
    """Kills a replay once it has taken in so many more."""
    target, deadline = accepted(counter) + more, time.monotonic() + SECONDS
    process = replaying(settings)
    while accepted(counter) < target:
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    while busy(counter):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_killed_replay_loses_nothing_and_takes_nothing_in_twice(counter: Counter, settings: Settings) -> None:
    for first in range(0, ITEMS, 1_000):
        items = [{"type": "track", "userId": "42", "messageId": f"m-{n}"} for n in range(first, first + 1_000)]
        counter.door.send(*items)
    counter.desk.fix(Selection(), Patch({"event": "Order Completed"}), actor="ada")

    for _ in range(2):
        kill_after(counter, settings, 1)
        counter.check()
        assert 0 < accepted(counter) < ITEMS

    rest = ITEMS - accepted(counter)
    process = replaying(settings)
    said = process.communicate(timeout=SECONDS)[0].decode()
    assert process.returncode == 0, said
    assert f"{rest:,} tried: {rest:,} accepted" in said
    counter.check()
    assert counter.books == {"received": ITEMS, "accepted": ITEMS}
    stored = Counts(each.section()["messageId"] for each in counter.touchpoints)
    assert stored == {f"m-{n}": 1 for n in range(ITEMS)}
