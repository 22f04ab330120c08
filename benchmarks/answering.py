"""How fast the API answers about profiles: a real server over a home that was projected, one question at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

import httpx

from benchmarks.people import BUSY, address
from cdp.platform import Platform
from tests.acceptance.served import Served

QUESTIONS = 300
ROUNDS = 20

_MIDDLE = "select effective_at from timeline.touchpoints where position >= %s order by position limit 1"
_MAILS = "select number from identity.identifiers where type = 'email' order by number limit %s"


class Answers(NamedTuple):
    """The 95th percentile of the answers' milliseconds."""

    by_id: float
    by_email: float
    as_of: float
    busy: float
    busy_as_of: float
    touchpoints: int


class Question(NamedTuple):
    """A path and its parameters."""

    path: str
    parameters: Mapping[str, Any]


def measure_answers(home: Path) -> Answers:
    """Asks the API on this home about people drawn at random, and about the busiest one."""
    server = Served(home, "api")
    server.start()
    try:
        with server.platform() as platform:
            token = platform.tokens.create(f"benchmark-{time.time():.0f}", scopes=["profiles:read"], actor="benchmark")
            mails, moment = _drawn(platform)
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            return _answers(client, mails, moment.isoformat())
    finally:
        server.stop()


def _drawn(platform: Platform) -> tuple[list[str], datetime]:
    """Addresses of people, and a moment in the middle of what happened."""
    with platform.databases.read.connection() as connection:
        numbers = [number for (number,) in connection.execute(_MAILS, [4 * QUESTIONS])]
        row = connection.execute(_MIDDLE, [platform.reader.head().position // 2]).fetchone()
    assert row is not None
    values = platform.vault.values(random.Random(1).sample(numbers, min(QUESTIONS, len(numbers))))
    return [value.value for value in values.values() if value is not None], row[0]


def _answers(client: httpx.Client, mails: Iterable[str], moment: str) -> Answers:
    by_email = [Question("/api/profiles", {"email": mail}) for mail in mails]
    ids = [client.get(*question[:1], params=question.parameters).json()["profiles"][0]["id"] for question in by_email]
    by_id = [Question(f"/api/profiles/{each}", {}) for each in ids]
    past = [Question(f"/api/profiles/{each}", {"as_of": moment}) for each in ids]
    [busy] = client.get("/api/profiles", params={"email": address(BUSY)}).json()["profiles"]
    busy_now = [Question(f"/api/profiles/{busy['id']}", {})] * ROUNDS
    busy_past = [Question(f"/api/profiles/{busy['id']}", {"as_of": moment})] * ROUNDS
    return Answers(
        by_id=_p95(client, by_id),
        by_email=_p95(client, by_email),
        as_of=_p95(client, past),
        busy=_p95(client, busy_now),
        busy_as_of=_p95(client, busy_past),
        touchpoints=busy["touchpoints"],
    )


def _p95(client: httpx.Client, questions: Iterable[Question]) -> float:
    milliseconds = []
    for question in questions:
        began = time.perf_counter()
        answer = client.get(question.path, params=question.parameters)
        milliseconds.append((time.perf_counter() - began) * 1_000)
        assert answer.status_code in (200, 404), answer.text  # who was not there yet is not found at a past moment
    return quantiles(milliseconds, n=20)[-1]
