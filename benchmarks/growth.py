"""How the log bears growth: the rate at the door, and the write-ahead log of a touchpoint, at rising sizes.

Run with `python -m benchmarks.growth`; `--write` puts the table into docs/growth.md. A log is filled with touchpoints
of 600 random bytes, straight through the recorder and its look-up of message ids; at each size the real door is loaded
with batches.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console

from benchmarks.door import BATCH_WARM, Door, opened
from benchmarks.recorder import new_events
from benchmarks.report import Report
from cdp.platform import Platform

SIZES = (100_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)
SIZE = 5_000
ROUNDS = 3


@dataclass(frozen=True)
class Point:
    """What was measured at one size of the log."""

    size: int
    rate: float
    wal: float


def main() -> None:
    """Prints the curve, and writes it where asked to."""
    parser = argparse.ArgumentParser(description="The rate of ingest at rising sizes of the log.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long one load lasts")
    parser.add_argument("--write", action="store_true", help="update docs/growth.md")
    options = parser.parse_args()
    report = Report("docs/growth.md", ("touchpoints in the log", "a second", "of the first", "WAL a touchpoint"))
    points = measure(options.sizes, options.seconds)
    for point in points:
        share = point.rate / points[0].rate
        report.add(f"{point.size:,}", f"{point.rate:,.0f}", f"{share:.0%}", f"{point.wal / 1000:.1f} kB")
    Console().print(report.table())
    if options.write:
        report.write()


def measure(sizes: Sequence[int], seconds: float) -> list[Point]:
    """Fills one log and loads its door at each size."""
    points = []
    with opened(projector=False) as door:
        door.measure(BATCH_WARM, seconds)
        for size in sizes:
            with door.server.platform() as platform:
                fill(platform, size)
            points.append(_point(door, size, seconds))
            Console(stderr=True).print(points[-1])
    return points


def fill(platform: Platform, size: int) -> None:
    """Appends until the log has `size` events."""
    missing = size - platform.reader.head().position
    while missing > 0:
        events = new_events(min(SIZE, missing))
        platform.log.touchpoints.append(events)
        missing -= len(events)


def _point(door: Door, size: int, seconds: float) -> Point:
    rates, wal = [], []
    for _ in range(ROUNDS):
        before, position = _wal(door), door.position()
        rates.append(door.measure(BATCH_WARM, seconds).rate)
        wal.append((_wal(door) - before) / (door.position() - position))
    return Point(size, median(rates), median(wal))


def _wal(door: Door) -> int:
    with door.server.platform() as platform, platform.databases.log.connection() as connection:
        row = connection.execute("select pg_current_wal_lsn() - '0/0'").fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
