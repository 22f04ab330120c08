"""`python -m benchmarks.quarantine`: how fast held items are kept, mended, replayed and given up, and in what memory.

Everything runs in this process on an embedded server of its own, in the default settings.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cdp.ingest.delivery import Delivery, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.split import split
from cdp.platform import Platform
from cdp.postgres.embedded import EmbeddedServer
from cdp.quarantine.change import Patch
from cdp.quarantine.desk import Desk
from cdp.quarantine.selection import Selection
from cdp.settings import Settings

BATCH = 100
ITEM_BYTES = 800
AT_ONCE = 20
"""Deliveries in one transaction, as the batcher gathers them."""


def main() -> None:
    """Measures everything."""
    parser = argparse.ArgumentParser(prog="benchmarks.quarantine", description=__doc__)
    parser.add_argument("--items", type=int, default=40_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cdp-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        settings = Settings(home=Path(folder) / "home")
        try:
            with Platform.open(settings) as platform:
                _measure(platform, options.items)
        finally:
            EmbeddedServer(settings.home).stop()


def _measure(platform: Platform, items: int) -> None:
    credential = platform.registry.credential(platform.sources.add("shop", channel="web", actor="benchmark"))
    assert credential is not None
    intake = Intake(
        platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
    )
    desk = Desk(platform)

    def take(event: str | None) -> None:
        for first in range(0, items, BATCH * AT_ONCE):
            bodies = [_body(at, event) for at in range(first, min(first + BATCH * AT_ONCE, items), BATCH)]
            now = datetime.now(UTC)
            intake.take(
                [Delivery(new_delivery_id(), credential, now, body, None, split(body, False, BATCH)) for body in bodies]
            )

    everything = Selection()
    _report("accepted at once", items, lambda: take("Order Completed"))
    _report("kept in quarantine", items, lambda: take(None))
    _report("replayed, held again", items, lambda: desk.replay(everything, actor="benchmark"))
    _report("mended", items, lambda: desk.fix(everything, Patch({"event": "Order Completed"}), actor="benchmark"))
    _report("replayed, accepted", items, lambda: desk.replay(everything, actor="benchmark"))
    _report("kept in quarantine", items, lambda: take(None))
    _report("discarded", items, lambda: desk.discard(everything, why="benchmark", actor="benchmark"))
    _report("expired", 2 * items, lambda: desk.expire(datetime.now(UTC), actor="benchmark"))


def _report(what: str, items: int, act: Callable[[], object]) -> None:
    started = time.perf_counter()
    act()
    rate = items / (time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what:24}{rate:10,.0f} a second   peak memory {peak} MB")


def _body(first: int, event: str | None) -> bytes:
    """A batch of track calls, each about a person of their own; without an event they go to quarantine."""
    unique = time.time_ns()
    batch = [
        {
            "type": "track",
            "event": event,
            "userId": f"user-{at}-{unique}",
            "messageId": f"message-{at}-{unique}",
            "timestamp": "2026-03-01T12:00:00Z",
            "properties": {"total": "12.50", "order_id": f"A-{at}", "note": "x" * (ITEM_BYTES - 180)},
        }
        for at in range(first, first + BATCH)
    ]
    return json.dumps({"batch": batch, "context": {"ip": "203.0.113.7"}}).encode()


if __name__ == "__main__":
    main()
