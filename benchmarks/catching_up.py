"""`python -m benchmarks.catching_up`: how fast projections catch up, and how fast they answer afterwards.

The log is real: touchpoints of five channels, with their personal parts encrypted under the vault's keys, put in by the
intake in large transactions. Then identity, profiles and timeline are built from its beginning by the engine that also
runs live, in this process, with PostgreSQL on the same cores.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

from rich.console import Console

from benchmarks.people import CHANNELS, People, Sent
from benchmarks.report import Report
from cdp.ingest.delivery import Delivery, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.split import Split
from cdp.platform import Platform
from cdp.postgres.embedded import EmbeddedServer
from cdp.registry import Credential
from cdp.settings import Settings
from projections.ahead import reading_ahead
from projections.contract import Surroundings
from projections.discovery import found_projections
from projections.engine import Engine
from projections.projector import fewer_collections, leading

START = datetime(2025, 1, 1, tzinfo=UTC)
TOUCHPOINTS = 1_000_000
A_PERSON = 10
"""Touchpoints for each person, on average."""

TRANSACTION = 5_000
MEASURED = ("identity", "profiles", "timeline")
NEEDED = 20_000


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.catching_up", description=__doc__)
    parser.add_argument("--touchpoints", type=int, default=TOUCHPOINTS)
    parser.add_argument("--home", type=Path, help="keep the log here, and use the one that is here already")
    parser.add_argument("--all", action="store_true", help="build every projection, not only the three")
    parser.add_argument("--write", action="store_true", help="update docs/catching-up.md")
    options = parser.parse_args()
    report = Report("docs/catching-up.md", ("what", "measured", "needed"))
    with homed(options.home) as home:
        settings = Settings(home=home)
        with Platform.open(settings) as platform:
            fill(platform, options.touchpoints)
        with Platform.open(settings) as platform:
            rate = catch_up(platform, None if options.all else MEASURED)
            names = "all projections" if options.all else ", ".join(MEASURED)
            report.add(f"touchpoints a second through {names}", f"{rate:,.0f}", f"{NEEDED:,}")
    Console().print(report.table())
    if options.write:
        report.write()


@contextlib.contextmanager
def homed(home: Path | None) -> Iterator[Path]:
    """A home with an embedded server, which ends at the end; a new one in a temporary folder if none is given."""
    with contextlib.ExitStack() as stack:
        if home is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cdp-bench-", ignore_cleanup_errors=True))
            Path(folder).chmod(0o755)
            home = Path(folder) / "home"
        try:
            yield home
        finally:
            EmbeddedServer(home).stop()


def fill(platform: Platform, count: int) -> None:
    """Puts touchpoints into the log until it has so many."""
    have = platform.reader.head().position
    if have >= count:
        return
    credentials = {channel: _source(platform, channel) for channel in CHANNELS}
    intake = Intake(
        platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
    )
    touchpoints = People(count // A_PERSON, START).touchpoints(count)
    started = time.perf_counter()
    while sent := list(islice(touchpoints, TRANSACTION)):
        intake.take([_delivery(credentials[channel], channel, sent) for channel in CHANNELS])
    Console(stderr=True).print(f"put in {count / (time.perf_counter() - started):,.0f} touchpoints a second")


def _source(platform: Platform, channel: str) -> Credential:
    credential = platform.registry.credential(platform.sources.add(channel, channel=channel, actor="benchmark"))
    assert credential is not None
    return credential


def _delivery(credential: Credential, channel: str, sent: Sequence[Sent]) -> Delivery:
    bodies = [each.body for each in sent if each.source == channel]
    received_at = datetime.fromisoformat(sent[-1].item["timestamp"])
    return Delivery(new_delivery_id(), credential, received_at, b"", None, Split(bodies, {}, None))


def catch_up(platform: Platform, names: Sequence[str] | None) -> float:
    """Builds projections from the beginning of the log; touchpoints a second."""
    with platform.databases.read.connection() as connection:
        for (schema,) in connection.execute(
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_|public)'"
        ):
            connection.execute(f"drop schema {schema} cascade")
    projections = [each for each in found_projections() if names is None or each.name in names]
    surroundings = Surroundings(ZoneInfo(platform.settings.timezone), platform.vault.values, platform.policies)
    with (
        leading(platform.databases.read, Event()) as connection,
        reading_ahead(platform) as ahead,
        fewer_collections(),
    ):
        assert connection is not None
        engine = Engine(connection, ahead, ahead, projections, surroundings)
        started = time.perf_counter()
        done = 0
        while step := engine.step():
            done += step
            if done % 100_000 < step:
                Console(stderr=True).print(f"{done:,}: {done / (time.perf_counter() - started):,.0f} a second")
        return platform.reader.head().position / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
