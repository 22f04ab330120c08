"""What a tracking plan costs: the same touchpoints read without one, and with one in warn mode.

`python -m benchmarks.plans` prints microseconds of processor time a touchpoint: the median of rounds that take turns,
so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.bodies import batches, known
from cdp.ingest.reading import Reader
from cdp.ingest.split import Split, split_batch
from cdp.plans.document import PlanDocument
from cdp.plans.inference import infer
from cdp.plans.judging import Plan, in_force
from cdp.plans.seen import Seen
from cdp.sources.connectors.segment import CONNECTOR
from cdp.sources.source import Source

ROUNDS = 41
BATCHES = 4
RECEIVED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SOURCE = Source(
    name="shop",
    channel="web",
    brand=None,
    trust="server",
    namespaces={},
    credential_id="wk_1",
    key_digest="",
    actor="benchmark",
)


def items() -> list[bytes]:
    """Orders of 800 bytes as the other benchmarks send them, amounts as texts."""
    bodies = (request.partition(b"\r\n\r\n")[2] for request in batches("wk_1", known(1), 1, BATCHES))
    return [item for body in bodies for item in split_batch(body, 10_000).items]


def with_numbers(item: bytes) -> bytes:
    """The same with five product lines, and all amounts numbers with a fraction."""
    chance = random.Random(item)
    tree = json.loads(item)
    lines = [
        {"product_id": f"sku-{at}", "price": chance.randrange(1, 10_000) / 100, "quantity": at + 1} for at in range(5)
    ]
    tree["properties"] |= {"total": float(tree["properties"]["total"]), "products": lines}
    return json.dumps(tree).encode()


def plan(samples: list[bytes]) -> PlanDocument:
    """The plan that such touchpoints suggest."""
    trees: list[dict[str, Any]] = [json.loads(item) for item in samples]
    return infer(Seen("track", tree["event"], {"properties": tree["properties"]}, True) for tree in trees).document


def seconds(found: Plan | None, samples: list[bytes]) -> float:
    """How much processor time reading all of them takes."""
    reader = Reader("TR", 512 * 1024, lambda _: found)
    alone = Split([], {}, None)
    start = time.process_time()
    for item in samples:
        reader.read(item, SOURCE, CONNECTOR, RECEIVED, None, alone)
    return time.process_time() - start


def compare(title: str, samples: list[bytes]) -> None:
    """Prints what reading costs without and with the plan."""
    document = plan(samples)
    warn = in_force(1, "warn", document.content())
    none, planned = [], []
    for _ in range(ROUNDS):
        none.append(seconds(None, samples) / len(samples))
        planned.append(seconds(warn, samples) / len(samples))
    before, extra = (
        statistics.median(none) * 1e6,
        statistics.median(b - a for a, b in zip(none, planned, strict=True)) * 1e6,
    )
    print(f"{title:<44} {before:7.2f} µs without a plan, {extra:+6.2f} µs with one in warn mode")


if __name__ == "__main__":
    orders = items()
    compare("one product line, amounts as texts", orders)
    compare("five product lines, six amounts as numbers", [with_numbers(item) for item in orders])
