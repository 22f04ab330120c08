"""The official SDKs, unmodified, deliver to a running server: all of it, and nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cdp.identity.identifier import Identifier
from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform
from tests.acceptance.ledger import assert_gapless, books, touchpoints
from tests.acceptance.served import Served, served

pytestmark = pytest.mark.slow

SEGMENT_2_3_3 = Path(sys.prefix) / "sdks" / "segment-2.3.3"
PROGRAM = Path(__file__).with_name("sdk_client.py")
ROUNDS = 45
NAMES = {
    "identify": "User Identified",
    "track": "Order Completed",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "group": "Account Joined",
    "alias": "Identity Aliased",
}


class Sdk(NamedTuple):
    """An SDK: its package and version, and the folder it lies in if that is one of its own."""

    package: str
    version: str
    folder: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.package.partition('.')[0]}-{self.version}"

    def deliver(self, url: str, write_key: str, gzip: str) -> dict[str, Any]:
        """Have it deliver, in a process of its own, and give its report."""
        paths = [str(self.folder)] if self.folder else []
        done = subprocess.run(
            [sys.executable, str(PROGRAM), self.package, url, write_key, "person", str(ROUNDS), gzip],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report


SDKS = (
    Sdk("segment.analytics", "2.3.3", SEGMENT_2_3_3),
    Sdk("segment.analytics", "2.4.0"),
    Sdk("rudderstack.analytics", "2.1.9"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served("api") as server:
        yield server


@pytest.mark.parametrize("gzip", ["gzip", "plain"])
@pytest.mark.parametrize("sdk", SDKS, ids=[sdk.name for sdk in SDKS])
def test_everything_arrives_once(server: Served, sdk: Sdk, gzip: str) -> None:
    if sdk.folder and not sdk.folder.is_dir():
        pytest.skip(f"{sdk.folder} is missing; `make test` installs it")
    source = f"{sdk.name}-{gzip}"
    with server.platform() as platform:
        write_key = platform.sources.add(source, channel="web", actor="test")

    report = sdk.deliver(server.url, write_key, gzip)

    assert report["version"] == sdk.version
    assert report["errors"] == []
    with server.platform() as platform:
        assert_gapless(platform)
        counts = books(platform, source)
        assert (counts.received, counts.accepted) == (report["queued"], report["queued"])
        assert counts.balanced
        assert deliveries(platform, source) == report["requests"]
        stored = [each for each in touchpoints(platform) if each.header.source == counts.source_id]
        assert Counter(each.header.name for each in stored) == dict.fromkeys(NAMES.values(), ROUNDS)
        assert Counter(each.header.type for each in stored) == dict.fromkeys(NAMES, ROUNDS)
        assert len({each.header.message for each in stored}) == len(stored)
        for kind, check in CHECKS.items():
            check(platform, source, next(each for each in stored if each.header.type == kind))


def deliveries(platform: Platform, source: str) -> int:
    """How many requests of the source are in the books."""
    source_id = books(platform, source).source_id
    with platform.databases.log.connection() as connection:
        query = "select count(*) from delivery where source_id = %s"
        (count,) = connection.execute(query, [source_id]).fetchone() or (0,)
        return int(count)


def known(platform: Platform, touchpoint: Touchpoint) -> set[tuple[str, str, str]]:
    """The identifiers of a touchpoint as (role, type, value)."""
    values = platform.vault.values(each.number for each in touchpoint.header.identifiers)
    found = ((each.role, values[each.number]) for each in touchpoint.header.identifiers)
    return {(role, each.type, each.value) for role, each in found if isinstance(each, Identifier)}


def check_identify(platform: Platform, source: str, touchpoint: Touchpoint) -> None:
    traits = {"email": "person-0@example.com", "first_name": "Ayşe", "points": 0}
    assert touchpoint.traits == traits
    assert known(platform, touchpoint) == {
        ("self", "user_id", "person-0"),
        ("self", "email", "person-0@example.com"),
        ("self", "loyalty_card", "card-person-0"),
    }
    assert platform.vault.find(Identifier("user_id", source, "person-0")) in touchpoint.header.numbers()
    assert touchpoint.section("context")["userAgent"] == "Test/1.0"


def check_track(platform: Platform, source: str, touchpoint: Touchpoint) -> None:
    assert touchpoint.section("properties") == {"order_id": "person-0", "total": "12.50"}
    assert touchpoint.business["properties"] == {"total": "12.50"}
    assert timedelta(0) <= touchpoint.header.occurred_at - datetime(2026, 1, 31, 12, tzinfo=UTC) < timedelta(seconds=20)
    assert touchpoint.header.sent_at is not None


def check_page(platform: Platform, source: str, touchpoint: Touchpoint) -> None:
    assert touchpoint.section("properties")["url"] == "https://shop.example/"
    assert ("self", "user_id", "person-0") in known(platform, touchpoint)


def check_screen(platform: Platform, source: str, touchpoint: Touchpoint) -> None:
    assert touchpoint.section()["name"] == "Start"
    assert ("self", "user_id", "person-0") in known(platform, touchpoint)


def check_group(platform: Platform, source: str, touchpoint: Touchpoint) -> None:
    assert touchpoint.section("traits") == {"plan": "gold"}
    assert known(platform, touchpoint) == {("self", "user_id", "person-0"), ("account", "group_id", "account-0")}


def check_alias(platform: Platform, source: str, touchpoint: Touchpoint) -> None:
    assert {("self", "user_id", "person-0"), ("self", "user_id", "before-person-0")} < known(platform, touchpoint)


CHECKS = {
    "identify": check_identify,
    "track": check_track,
    "page": check_page,
    "screen": check_screen,
    "group": check_group,
    "alias": check_alias,
}
