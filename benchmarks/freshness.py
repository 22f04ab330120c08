"""How soon what was committed is seen in the profile, while touchpoints come in at a fixed rate.

`python -m benchmarks.freshness` prints the figures; with `--send` it is the process that sends the load: prepared
requests over keep-alive connections, each at its time, whether the ones before were answered or not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from typing import NamedTuple

import httpx

from benchmarks.bodies import BATCH_ITEMS, mixed
from tests.acceptance.served import Served, served

RATE = 2_000
"""Touchpoints a second that come in meanwhile."""

PEOPLE = 20_000
"""How many people they are about, in five channels."""

CONNECTIONS = 8
WARM_UP_SECONDS = 5.0
POLL_SECONDS = 0.005
PROBE_SECONDS = 0.25
PATIENCE = 30.0
_TOKEN = re.compile(r"st_[A-Za-z0-9_-]{20,}")
_PROFILE = re.compile(r"\bp[0-9a-z]{13}\b")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Load(NamedTuple):
    """What the sender is told: where to, and how long."""

    port: int
    write_key: str
    seconds: float


class Sent(NamedTuple):
    """What the sender says: touchpoints that were acknowledged, requests that were refused, and how long it took."""

    touchpoints: int
    refused: int
    seconds: float


class Freshness(NamedTuple):
    """Seconds from the answer, which comes after the commit, to the profile that shows it; and the load meanwhile."""

    p50: float
    p95: float
    worst: float
    probes: int
    rate: float


def measure_freshness(seconds: float) -> Freshness:
    """Asks for the profile of one new person after the other, on a new home in the default settings."""
    with served("up") as server:
        key = server.add_source("shop")
        token = _token(server)
        with _sending(Load(server.port, key, WARM_UP_SECONDS + seconds)) as sender:
            _wait_for_start(sender)
            time.sleep(WARM_UP_SECONDS)
            delays = sorted(_probe(server, key, token, seconds))
            sent = Sent(*json.loads(sender.communicate(timeout=seconds + PATIENCE)[0]))
    if sent.refused:
        raise SystemExit(f"{sent.refused} requests of the load were refused")
    half, most = (delays[len(delays) * percent // 100] for percent in (50, 95))
    return Freshness(half, most, delays[-1], len(delays), sent.touchpoints / sent.seconds)


def _sending(load: Load) -> subprocess.Popen[str]:
    sender = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.freshness", "--send"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sender.stdin is not None
    sender.stdin.write(json.dumps(load) + "\n")
    sender.stdin.flush()
    return sender


def _wait_for_start(sender: subprocess.Popen[str]) -> None:
    assert sender.stdout is not None
    assert sender.stdout.readline() == "sending\n"


def _token(server: Served) -> str:
    found = _TOKEN.search(server.run("token", "create", "reader", "--scope", "profiles:read"))
    assert found is not None
    return found.group()


def _probe(server: Served, key: str, token: str, seconds: float) -> list[float]:
    """The delays of one touchpoint after the other."""
    delays: list[float] = []
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url) as door, httpx.Client(base_url=server.url, headers=headers) as query:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            person = f"probe-{len(delays)}"
            item = {"userId": person, "messageId": person, "traits": {"city": person}}
            door.post("/v1/identify", json=item, auth=(key, "")).raise_for_status()
            delays.append(_until_seen(query, person))
            time.sleep(PROBE_SECONDS)
    return delays


def _until_seen(query: httpx.Client, person: str) -> float:
    """Seconds until the profile shows the trait."""
    began = time.perf_counter()
    while time.perf_counter() - began < PATIENCE:
        if _shown(query, person):
            return time.perf_counter() - began
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"{person} was not to be seen within {PATIENCE:g} seconds")


def _shown(query: httpx.Client, person: str) -> bool:
    found = query.get("/api/profiles", params={"user_id": person})
    if found.status_code != 200:
        return False
    profile = _PROFILE.search(found.text)
    return profile is not None and f'"value":"{person}"' in query.get(f"/api/profiles/{profile.group()}").text


# -- the sender -------------------------------------------------------------------------------------------------------


async def _send(load: Load) -> Sent:
    """Sends one batch after the other, each at its time, over the connection that is free first."""
    count = round(load.seconds * RATE / BATCH_ITEMS)
    requests = list(mixed(load.write_key, PEOPLE, count))
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", load.port))
    print("sending", flush=True)
    began = time.perf_counter()
    answers: list[asyncio.Task[bool]] = []
    for number, request in enumerate(requests):
        await asyncio.sleep(max(0.0, began + number * BATCH_ITEMS / RATE - time.perf_counter()))
        answers.append(asyncio.create_task(_exchange(free, request)))
    accepted = sum(await asyncio.gather(*answers))
    return Sent(accepted * BATCH_ITEMS, count - accepted, time.perf_counter() - began)


async def _exchange(free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]], request: bytes) -> bool:
    reader, writer = await free.get()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    assert length is not None
    await reader.readexactly(int(length[1]))
    free.put_nowait((reader, writer))
    return head[9:12] == b"200"


def main() -> None:
    """Measures, or sends."""
    parser = argparse.ArgumentParser(prog="benchmarks.freshness", description=__doc__)
    parser.add_argument("--send", action="store_true", help="be the sender; its task comes as a line of JSON")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to ask")
    options = parser.parse_args()
    if options.send:
        print(json.dumps(asyncio.run(_send(Load(*json.loads(sys.stdin.readline()))))), flush=True)
        return
    found = measure_freshness(options.seconds)
    print(
        f"{found.rate:,.0f} touchpoints a second; from the commit to the profile p50 {found.p50 * 1000:.0f} ms, "
        f"p95 {found.p95 * 1000:.0f} ms, worst {found.worst * 1000:.0f} ms, {found.probes} touchpoints"
    )


if __name__ == "__main__":
    main()
