"""A door into the log and the quarantine desk on one platform, with what tests look at: books, held items, log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cdp.ingest.delivery import CallType, Delivery, ItemResult, new_delivery_id
from cdp.ingest.outcomes import SourceCounts, read_counts
from cdp.ingest.split import split
from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform
from cdp.quarantine.desk import Desk
from cdp.quarantine.listing import Listed
from cdp.quarantine.replay import Replayed
from cdp.quarantine.selection import Selection
from tests.ingest.door import Door

_HELD = "select source_id, count(*) from quarantine where state = 'held' group by source_id"
_GIVEN_UP = "select source_id, count(*) from quarantine where state in ('discarded', 'expired') group by source_id"
_RECEIVED = "select source_id, sum(received), sum(cardinality(items)) from delivery group by source_id"


class Counter:
    """Counts after every step what must always hold."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.door = Door(platform)
        self.desk = Desk(platform)

    def send(self, *items: Any, source: str = "shop", received_at: datetime | None = None) -> list[ItemResult]:
        """Takes items in as one batch."""
        results = self.door.send(*items, source=source, received_at=received_at)
        self.check()
        return results

    def send_body(
        self,
        body: bytes,
        source: str = "shop",
        call: CallType | None = None,
        received_at: datetime | None = None,
        max_items: int | None = None,
    ) -> list[ItemResult]:
        """Takes a body in as it is."""
        credential = self.platform.registry.credential(self.door.source(source))
        assert credential is not None
        found = split(body, call is not None, max_items or self.platform.settings.max_items)
        delivery = Delivery(new_delivery_id(), credential, received_at or datetime.now(UTC), body, call, found)
        results = self.door.intake.take([delivery])[0].items
        self.check()
        return results

    def replay(self, **fields: Any) -> Replayed:
        """Replays what is meant."""
        done = self.desk.replay(Selection(**fields), actor="ada")
        self.check()
        return done

    def held(self, **fields: Any) -> list[Listed]:
        """What is held, or in the state asked for."""
        return self.desk.page(Selection(**fields), 10_000).items

    def one(self, **fields: Any) -> Listed:
        """The only one of these."""
        (found,) = self.held(**fields)
        return found

    @property
    def touchpoints(self) -> list[Touchpoint]:
        """The whole log's touchpoints."""
        return self.door.touchpoints()

    @property
    def books(self) -> dict[str, int]:
        """The only source's books, without zeros."""
        (counts,) = read_counts(self.platform.databases.log)
        return {name: value for name, value in counts._asdict().items() if name != "source_id" and value}

    def check(self) -> None:
        """The equation holds for every source, and the rows say the same as the books."""
        pool = self.platform.databases.log
        with pool.connection() as connection:
            held: dict[UUID, int] = dict(connection.execute(_HELD).fetchall())
            given_up: dict[UUID, int] = dict(connection.execute(_GIVEN_UP).fetchall())
            received = {source: (sums, items) for source, sums, items in connection.execute(_RECEIVED)}
        stored: dict[UUID, int] = {}
        for each in self.touchpoints:
            stored[each.header.source] = stored.get(each.header.source, 0) + 1
        for counts in read_counts(pool):
            self._check(counts, held, given_up, received, stored)

    def _check(self, counts: SourceCounts, held: Any, given_up: Any, received: Any, stored: Any) -> None:
        source = counts.source_id
        assert counts.balanced, counts
        assert counts.quarantined == held.get(source, 0)
        assert counts.discarded == given_up.get(source, 0)
        assert (counts.received, counts.received) == received[source]
        assert counts.accepted == stored.get(source, 0)
