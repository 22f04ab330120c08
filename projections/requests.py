"""What people ask of the leader: to build a projection anew, or to take in what was parked."""

from __future__ import annotations

from typing import NamedTuple

from projections.contract import Connected

REBUILD = "rebuild"
RETRY = "retry"


class Request(NamedTuple):
    """Something asked for a projection: `rebuild` or `retry`."""

    projection: str
    kind: str


def ask(connection: Connected, request: Request) -> None:
    """Asks; the leader looks for requests at each step. Asking twice is asking once."""
    connection.execute("insert into engine.requests (projection, kind) values (%s, %s) on conflict do nothing", request)


def read_requests(connection: Connected) -> frozenset[Request]:
    """What is asked for."""
    rows = connection.execute("select projection, kind from engine.requests", prepare=True)
    return frozenset(Request(*row) for row in rows)


def answer(connection: Connected, request: Request) -> None:
    """Removes a request that was met, or that cannot be."""
    connection.execute("delete from engine.requests where projection = %s and kind = %s", request)
