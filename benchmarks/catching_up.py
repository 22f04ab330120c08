"""`python -m benchmarks.catching_up`: how fast projections catch up, and how fast they answer afterwards.

The log is real: touchpoints of five channels, with their personal parts encrypted under the vault's keys, put in by the
intake in large transactions. Then identity, profiles and timeline are built from its beginning by the engine that also
runs live, with PostgreSQL on the same cores.
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
from statistics import median
from threading import Event
from zoneinfo import ZoneInfo

from rich.console import Console

from benchmarks.answering import Answers, measure_answers
from benchmarks.one_by_one import one_by_one
from benchmarks.people import CHANNELS, People, Sent
from benchmarks.report import Report
from cdp.garbage import fewer_collections
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
from projections.projector import leading

START = datetime(2025, 1, 1, tzinfo=UTC)
TOUCHPOINTS = 1_000_000
A_PERSON = 10
"""Touchpoints for each person, on average."""

TRANSACTION = 5_000
CALLERS = 50_000
STOCK = 5_000
"""Touchpoints that the library's own way is given."""

HEADINGS = ("what", "measured", "needed")
MEASURED = ("identity", "profiles", "timeline")
ANSWERING = ("search", "accounts")
"""What a profile's page shows besides; built before questions are asked, and not timed."""

MARK = 100_000


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.catching_up", description=__doc__)
    parser.add_argument("--touchpoints", type=int, default=TOUCHPOINTS)
    parser.add_argument("--callers", type=int, default=CALLERS, help="people behind the call center's line")
    parser.add_argument("--home", type=Path, help="keep the log here, and use the one that is here already")
    parser.add_argument("--all", action="store_true", help="build every projection, not only the three")
    parser.add_argument("--write", action="store_true", help="update docs/catching-up.md")
    options = parser.parse_args()
    report = Report("docs/catching-up.md", HEADINGS)
    measure(report, options.touchpoints, options.callers, options.home, None if options.all else MEASURED)
    Console().print(report.table())
    if options.write:
        report.write()


def measure(
    report: Report, touchpoints: int, callers: int, home: Path | None = None, names: Sequence[str] | None = MEASURED
) -> None:
    """All figures of a log of so many touchpoints."""
    with homed(home) as folder:
        settings = Settings(home=folder)
        with Platform.open(settings) as platform:
            Sending(platform).fill(touchpoints)
        with Platform.open(settings) as platform:
            _rates(report, platform, EmbeddedServer(folder).url("postgres"), names)
            catch_up(platform, [*MEASURED, *ANSWERING], again=False)
        _answers(report, measure_answers(folder))
        if callers:
            with Platform.open(settings) as platform:
                _line(report, platform, callers)


def _rates(report: Report, platform: Platform, url: str, names: Sequence[str] | None) -> None:
    seconds = catch_up(platform, names)
    head = platform.reader.head().position
    stock = one_by_one(url, platform.opener, platform.reader.read(0, STOCK))
    rate, what = head / sum(seconds), ", ".join(names or ["all projections"])
    report.add(f"{head:,} touchpoints through {what}", f"{rate:,.0f} a second", "20,000 a second")
    report.add("the library's own way, event by event, the first 5,000", f"{stock:,.0f} a second", "")
    report.add("ours, of that", f"{rate / stock:.1f} ×", "15 ×")


def _answers(report: Report, answers: Answers) -> None:
    report.add("profile by its id, p95", f"{answers.by_id:.1f} ms", "15 ms")
    report.add("profile by e-mail, p95", f"{answers.by_email:.1f} ms", "15 ms")
    report.add("profile at a past moment, p95", f"{answers.as_of:.1f} ms", "60 ms")
    report.add(f"the profile with {answers.touchpoints:,} touchpoints, p95", f"{answers.busy:.0f} ms", "300 ms")
    report.add("the same at a past moment, p95", f"{answers.busy_as_of:.0f} ms", "")


def _line(report: Report, platform: Platform, callers: int) -> None:
    """People who call from one line, while the projector follows: the last batches against the first."""
    Sending(platform).call(callers)
    seconds = catch_up(platform, [*MEASURED, *ANSWERING], again=False)
    part = max(1, len(seconds) // 5)
    first, last = median(seconds[:part]), median(seconds[-part:])
    report.add(
        f"{callers:,} identifiers behind one phone: the first batches of 10,000", f"{first * 1000:.0f} ms each", ""
    )
    report.add("the last ones", f"{last * 1000:.0f} ms each", "no more")


@contextlib.contextmanager
def homed(home: Path | None) -> Iterator[Path]:
    """A home with an embedded server, which ends at the end; a new one in a temporary folder if none is given."""
    with contextlib.ExitStack() as stack:
        if home is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cdp-bench-", ignore_cleanup_errors=True))
            Path(folder).chmod(0o755)
            home = Path(folder) / "home"
        with EmbeddedServer(home).held():
            yield home


class Sending:
    """Puts people's touchpoints into the log."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._intake = Intake(
            platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
        )

    def fill(self, count: int) -> None:
        """Until the log has so many; nothing if it does."""
        if self._platform.reader.head().position < count:
            self._take(People(count // A_PERSON, START).touchpoints(count), count)

    def call(self, callers: int) -> None:
        """So many people call from one line."""
        self._take(People(1, datetime(2026, 1, 1, tzinfo=UTC)).callers(callers), callers)

    def _take(self, touchpoints: Iterator[Sent], count: int) -> None:
        credentials = {channel: self._source(channel) for channel in CHANNELS}
        started = time.perf_counter()
        while sent := list(islice(touchpoints, TRANSACTION)):
            self._intake.take([_delivery(credentials[channel], channel, sent) for channel in CHANNELS])
        _say(f"put in {count / (time.perf_counter() - started):,.0f} touchpoints a second")

    def _source(self, channel: str) -> Credential:
        platform = self._platform
        known = {each.name for each in platform.registry.sources()}
        if channel in known:
            key = platform.sources.rotate_key(channel, actor="benchmark")
        else:
            key = platform.sources.add(channel, channel=channel, actor="benchmark")
        credential = platform.registry.credential(key)
        assert credential is not None
        return credential


def _delivery(credential: Credential, channel: str, sent: Sequence[Sent]) -> Delivery:
    bodies = [each.body for each in sent if each.source == channel]
    received_at = datetime.fromisoformat(sent[-1].item["timestamp"])
    return Delivery(new_delivery_id(), credential, received_at, b"", None, Split(bodies, {}, None))


def catch_up(platform: Platform, names: Sequence[str] | None, *, again: bool = True) -> list[float]:
    """Follows the log to its head, `again` from its beginning; the seconds of each batch."""
    if again:
        with platform.databases.read.connection() as connection:
            found = "select nspname from pg_namespace where nspname !~ '^(pg_|information_|public)'"
            for (schema,) in connection.execute(found).fetchall():
                connection.execute(f"drop schema {schema} cascade")
    projections = [each for each in found_projections() if names is None or each.name in names]
    with (
        leading(platform.databases.read, Event()) as leader,
        reading_ahead(platform) as ahead,
        fewer_collections(),
    ):
        assert leader is not None
        surroundings = Surroundings(ZoneInfo(platform.settings.timezone), ahead.values, platform.policies)
        return list(_seconds(Engine(leader, ahead, ahead, projections, surroundings)))


def _seconds(engine: Engine) -> Iterator[float]:
    done, marked, began = 0, 0, time.perf_counter()
    started = began
    while step := engine.step():
        ended = time.perf_counter()
        yield ended - began
        began, done = ended, done + step
        if done - marked >= MARK:
            marked = done
            _say(f"{done:,}: {done / (ended - started):,.0f} a second")


def _say(text: str) -> None:
    Console(stderr=True).print(text)


if __name__ == "__main__":
    main()
