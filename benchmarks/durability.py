"""What kill -9 of everything costs: touchpoints acknowledged and lost, with and without `synchronous_commit`.

Run with `python -m benchmarks.durability`; `--write` puts the table into docs/durability.md. Each mode gets a server of
its own, a load from eight clients, and as many kills of the API and of all PostgreSQL processes as asked for.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import psycopg
from rich.console import Console

from benchmarks.report import Report
from cdp.log.header import decode_header
from cdp.log.touchpoint import TOPIC
from cdp.platform import Platform
from tests.acceptance.load import Load
from tests.acceptance.served import Served, eventually, served

CLIENTS = 8
BETWEEN_KILLS = 300
"""Touchpoints acknowledged before the next kill."""


class Loss(NamedTuple):
    """What one mode did."""

    mode: str
    kills: int
    acknowledged: int
    lost: int


def main() -> None:
    """Prints the table, and writes it where asked to."""
    parser = argparse.ArgumentParser(description="Touchpoints acknowledged and lost when everything is killed.")
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--write", action="store_true", help="update docs/durability.md")
    options = parser.parse_args()
    report = Report("docs/durability.md", ("synchronous_commit", "kills", "acknowledged", "lost"))
    for mode in ("on", "off"):
        loss = measure(mode, options.kills)
        report.add(loss.mode, f"{loss.kills}", f"{loss.acknowledged:,}", f"{loss.lost:,}")
    Console().print(report.table())
    if options.write:
        report.write()


def measure(mode: str, kills: int) -> Loss:
    """Kills everything in the middle of a load, several times, and counts what is missing afterwards."""
    with served("api", CDP_ALLOW_WEAK_DURABILITY="1") as server:
        set_synchronous_commit(server, mode)
        load = Load(server.url, server.add_source("shop"), CLIENTS)
        with load.running():
            for _ in range(kills):
                target = len(load.acknowledged) + BETWEEN_KILLS
                eventually(lambda target=target: len(load.acknowledged) >= target, "progress", 60)  # type: ignore[misc]
                server.kill()
                server.start()
        with server.platform() as platform:
            return Loss(mode, kills, len(load.acknowledged), lost(platform, load.acknowledged))


def set_synchronous_commit(server: Served, mode: str) -> None:
    """Change the setting as an operator would."""
    with psycopg.connect(server.database.url("postgres"), autocommit=True) as connection:
        connection.execute(f"alter system set synchronous_commit = {mode}")
        connection.execute("select pg_reload_conf()")


def lost(platform: Platform, acknowledged: list[str]) -> int:
    """How many of the acknowledged message ids the log does not hold. It compares hashes: keys may be lost as well."""
    (source,) = platform.registry.sources()
    stored = set()
    position = 0
    while events := platform.reader.read(position, 5_000):
        stored |= {decode_header(event.header).message for event in events if event.topic == TOPIC}
        position = events[-1].position
    hashes = (platform.keyring.keyed_hash("message", source.id.bytes, each.encode()) for each in acknowledged)
    return sum(each[:16].hex() not in stored for each in hashes)


if __name__ == "__main__":
    main()
