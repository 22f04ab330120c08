"""What people ask of the leader: to build a projection anew, or to take in what was parked."""

from __future__ import annotations

from typing import NamedTuple

from cdp.postgres.databases import Pool
from projections.checkpoint import read_checkpoints
from projections.contract import Connected

REBUILD = "rebuild"
RETRY = "retry"


class Request(NamedTuple):
    """Something asked for a projection: `rebuild` or `retry`."""

    projection: str
    kind: str


class UnknownProjection(Exception):
    """No projector has built a projection of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        expected = (
            f"expected one of {', '.join(known)}" if known else "no projector has run yet; start one with: cdp up"
        )
        super().__init__(f"there is no projection {name!r}; {expected}")


def ask_leader(read: Pool, request: Request) -> None:
    """Asks on behalf of somebody outside. Raises `UnknownProjection`."""
    with read.connection() as connection:
        known = sorted({each.projection for each in read_checkpoints(connection)})
        if request.projection not in known:
            raise UnknownProjection(request.projection, known)
        ask(connection, request)


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
