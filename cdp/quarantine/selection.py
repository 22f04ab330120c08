"""Which held items are meant: by source, reason, stage, plan, delivery, time of receipt, state, or one by one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.sql import SQL, Composed
from psycopg_pool import ConnectionPool

from cdp.sources.rejection import Reason, Stage

Pool = ConnectionPool[Connection[Any]]

HELD = "held"
STATES = (HELD, "accepted", "duplicate", "split", "discarded", "expired")

_CLAUSES: dict[str, LiteralString] = {
    "ids": "q.quarantine_id = any(%(ids)s)",
    "source": "q.source_id = %(source)s",
    "reason": "q.reason = %(reason)s",
    "stage": "q.stage = %(stage)s",
    "plan": "q.plan = %(plan)s",
    "delivery": "q.delivery_id = %(delivery)s",
    "since": "q.received_at >= %(since)s",
    "until": "q.received_at < %(until)s",
    "state": "q.state = %(state)s",
    "stored_before": "q.quarantine_id < %(stored_before)s",
    "sealed": "(q.sealed is not null) = %(sealed)s",
}
_AFTER: LiteralString = "(q.received_at, q.delivery_id, q.item, q.quarantine_id) > (%(a)s, %(b)s, %(c)s, %(d)s)"
_WALK = SQL("""
select q.received_at, q.delivery_id, q.item, q.quarantine_id, coalesce(q.size, %(unsized)s), coalesce(c.size, 0)
from quarantine q
left join quarantine_common c on c.delivery_id = q.delivery_id
where {where}
order by q.received_at, q.delivery_id, q.item, q.quarantine_id
limit %(limit)s
""")
_COUNT = SQL("""
select count(*)
from quarantine q
where {where}
""")


class InvalidSelection(ValueError):
    """A filter or a cursor cannot be used; the message says which and what was expected."""


class Place(NamedTuple):
    """Where an item stands among all, in the order in which they were received; also a cursor between pages."""

    received_at: datetime
    delivery_id: UUID
    item: int
    quarantine_id: UUID

    def cursor(self) -> str:
        """The place as a text for URLs, from which `place` makes it again."""
        text = "|".join((self.received_at.isoformat(), *map(str, self[1:])))
        return base64.urlsafe_b64encode(text.encode()).decode()


def place(cursor: str) -> Place:
    """The place that a cursor names. Raises `InvalidSelection`."""
    try:
        received_at, delivery_id, item, quarantine_id = base64.urlsafe_b64decode(cursor).decode().split("|")
        return Place(datetime.fromisoformat(received_at), UUID(delivery_id), int(item), UUID(quarantine_id))
    except (ValueError, binascii.Error):
        raise InvalidSelection(f"{cursor!r} is no cursor; expected `next` of the page before, unchanged") from None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What all of these fields say; a field that is None, or no ids, says nothing. Times include `since`, not `until`.

    `stored_before` is an id: what came to quarantine later, also in the course of a replay, is left out. `sealed` asks
    whether the bytes are still there.
    """

    ids: tuple[UUID, ...] = ()
    source: UUID | None = None
    reason: str | None = None
    stage: str | None = None
    plan: int | None = None
    delivery: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: str | None = HELD
    stored_before: UUID | None = None
    sealed: bool | None = None

    def __post_init__(self) -> None:
        _expect("reason", self.reason, [each.value for each in Reason])
        _expect("stage", self.stage, [each.value for each in Stage])
        _expect("state", self.state, STATES)
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None and moment.tzinfo is None:
                raise InvalidSelection(f"{name} {moment.isoformat()} has no zone; add Z or an offset such as +03:00")

    @property
    def unlimited(self) -> bool:
        """Whether it means everything in its state."""
        return self == Selection(state=self.state)

    def held(self) -> Selection:
        """The same, as far as it is held."""
        return replace(self, state=HELD)

    def described(self, limit: int | None = None) -> dict[str, Any]:
        """The fields that say something, as an event names them, with the limit that was set, if any."""
        fields = {
            name: getattr(self, name) for name in _CLAUSES if name not in ("ids", "state", "stored_before", "sealed")
        }
        told = {name: _plain(value) for name, value in fields.items() if value is not None}
        told |= {"ids": [str(each) for each in self.ids]} if self.ids else {}
        return told | ({} if limit is None else {"limit": limit})

    def where(self, after: Place | None = None) -> tuple[Composed, dict[str, Any]]:
        """The condition on `quarantine q` with its parameters; `after` leaves out what stands up to there."""
        parameters = {name: getattr(self, name) for name in _CLAUSES if getattr(self, name) not in (None, ())}
        clauses: list[LiteralString] = ["true", *(_CLAUSES[name] for name in parameters)]
        if "ids" in parameters:
            parameters["ids"] = list(self.ids)
        if after is not None:
            clauses.append(_AFTER)
            parameters |= zip("abcd", after, strict=True)
        return SQL(" and ").join([SQL(clause) for clause in clauses]), parameters


class Chunk(NamedTuple):
    """Items for one transaction, in the order in which they were received."""

    places: list[Place]

    @property
    def ids(self) -> list[UUID]:
        """Their ids."""
        return [each.quarantine_id for each in self.places]


def count(pool: Pool, selection: Selection) -> int:
    """How many items are meant."""
    where, parameters = selection.where()
    with pool.connection() as connection:
        row = connection.execute(_COUNT.format(where=where), parameters).fetchone()
    return int(row[0]) if row else 0


def walk(
    pool: Pool, selection: Selection, *, items: int, size: int, unsized: int, after: Place | None = None
) -> Iterator[Chunk]:
    """All that is meant, in chunks of at most `items` and, unless a single one is larger, `size` plain bytes.

    What a delivery says for all of its items counts once. An item of unknown size counts as `unsized`. The caller may
    change the items of a chunk before it asks for the next.
    """
    while True:
        where, parameters = selection.where(after)
        parameters |= {"limit": items, "unsized": unsized}
        with pool.connection() as connection:
            rows = connection.execute(_WALK.format(where=where), parameters).fetchall()
        if not rows:
            return
        chunk = Chunk(_fitting(rows, size))
        after = chunk.places[-1]
        yield chunk


def _fitting(rows: list[tuple[Any, ...]], size: int) -> list[Place]:
    places: list[Place] = []
    deliveries: set[UUID] = set()
    for received_at, delivery_id, item, quarantine_id, own, common in rows:
        size -= own + (0 if delivery_id in deliveries else common)
        if places and size < 0:
            break
        deliveries.add(delivery_id)
        places.append(Place(received_at, delivery_id, item, quarantine_id))
    return places


def _expect(name: str, value: str | None, choices: list[str] | tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise InvalidSelection(f"{name} {value!r} is unknown; expected one of {', '.join(choices)}")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value
