"""A way into the log for tests: items as a source sends them, through the whole of ingest, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cdp.ingest.delivery import CallType, Delivery, ItemResult, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.split import split
from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform


class Door:
    """Takes items in for named sources, which it sets up when it first hears of them."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.intake = Intake(
            platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
        )
        self._keys: dict[str, str] = {}

    def source(self, name: str, channel: str = "web", **options: Any) -> str:
        """The write key of a source."""
        if name not in self._keys:
            self._keys[name] = self.platform.sources.add(name, channel=channel, actor="test", **options)
        return self._keys[name]

    def delivery(
        self,
        items: Sequence[Any],
        source: str = "shop",
        call: CallType | None = None,
        received_at: datetime | None = None,
    ) -> Delivery:
        """A delivery of these items."""
        credential = self.platform.registry.credential(self.source(source))
        assert credential is not None
        body = json.dumps(items[0] if call else {"batch": list(items)}).encode()
        found = split(body, call is not None, self.platform.settings.max_items)
        return Delivery(new_delivery_id(), credential, received_at or datetime.now(UTC), body, call, found)

    def send(self, *items: Any, source: str = "shop", received_at: datetime | None = None) -> list[ItemResult]:
        """Takes the items in and says what became of each."""
        return self.intake.take([self.delivery(items, source, received_at=received_at)])[0].items

    def touchpoints(self) -> list[Touchpoint]:
        """All touchpoints of the log, as far as they can be opened."""
        return self.platform.opener.open(self.platform.reader.read(0, 100_000))


def track(message: str, event: str = "Order Completed", **fields: Any) -> dict[str, Any]:
    """A track call of user 42."""
    return {"type": "track", "event": event, "userId": "42", "messageId": message, **fields}
