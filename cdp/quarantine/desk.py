"""The quarantine desk: everything that can be asked of held items and done with them, on one platform."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from cdp.ingest.intake import Intake
from cdp.log.application import Log
from cdp.postgres.databases import Databases
from cdp.quarantine import listing, lookup, removal
from cdp.quarantine.change import Change, Unfit
from cdp.quarantine.fixing import Fixed, Fixer, Verdict
from cdp.quarantine.listing import Count, Page, Shown
from cdp.quarantine.lookup import DeliveryOutcome, ItemOutcome
from cdp.quarantine.opening import Opened, Restorer
from cdp.quarantine.removal import Removed
from cdp.quarantine.replay import Progress, Replayed, Replayer
from cdp.quarantine.selection import Place, Selection
from cdp.registry import Registry
from cdp.settings import Settings
from cdp.vault.vault import Vault


class Parts(Protocol):
    """What of a platform the desk works with."""

    @property
    def settings(self) -> Settings: ...
    @property
    def databases(self) -> Databases: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def log(self) -> Log: ...
    @property
    def registry(self) -> Registry: ...


def _silent(done: int, of: int) -> None:
    pass


class Desk:
    """One serves one thread at a time. Decisions are recorded in the log with `actor`, who took them."""

    def __init__(self, platform: Parts) -> None:
        settings, vault, registry = platform.settings, platform.vault, platform.registry
        registry.refresh()  # what is mended is judged by the plans of now
        self._pool = platform.databases.log
        self._vault = vault
        self._log = platform.log
        intake = Intake(settings, vault, vault.keyring, platform.log.touchpoints, registry.plan)
        restorer = Restorer(registry, settings.max_items)
        parts = (self._pool, vault, platform.log, intake, restorer, settings.max_inflated_bytes)
        self._replayer = Replayer(*parts)
        self._fixer = Fixer(*parts)

    def counts(self, selection: Selection) -> list[Count]:
        """How many items there are, by source, reason and state."""
        return listing.counts(self._pool, selection)

    def page(self, selection: Selection, limit: int, after: Place | None = None) -> Page:
        """The next items in the order in which they were received."""
        return listing.page(self._pool, selection, limit, after)

    def show(self, quarantine_id: UUID) -> Shown:
        """One item with its history. Raises `Unopened`."""
        return listing.show(self._pool, self._vault, self._log, quarantine_id)

    def delivery(self, delivery_id: UUID) -> DeliveryOutcome:
        """What became of every item of a delivery. Raises `NoDelivery`."""
        return lookup.delivery(self._pool, delivery_id)

    def item(self, delivery_id: UUID, ordinal: int) -> ItemOutcome:
        """What became of one item. Raises `NoDelivery`."""
        return lookup.item(self._pool, delivery_id, ordinal)

    def message(self, source_id: UUID, message_id: str) -> list[ItemOutcome]:
        """What became of the items with a source's message id."""
        return lookup.message(self._pool, self._vault.keyring, source_id, message_id)

    def opened(self, quarantine_id: UUID) -> Opened:
        """A held item with its bytes. Raises `Unopened` and `NotHeld`."""
        return self._fixer.opened(quarantine_id)

    def verdict(self, quarantine_id: UUID, change: Change) -> Verdict:
        """What the reader says of an item once changed. Raises `Unfit`, `Unopened`, `NotHeld`."""
        return self._fixer.verdict(quarantine_id, change)

    def verdicts(self, selection: Selection, change: Change, limit: int = 1_000) -> list[Verdict | Unfit]:
        """The same of the first items that are meant, at most `limit`."""
        return self._fixer.verdicts(selection, change, limit)

    def fix(self, selection: Selection, change: Change, *, actor: str, progress: Progress = _silent) -> Fixed:
        """Gives held items other bytes, which a replay takes in. Raises `Interrupted`."""
        return self._fixer.fix(selection, change, actor=actor, progress=progress)

    def replay(
        self,
        selection: Selection,
        *,
        actor: str,
        limit: int | None = None,
        after: Place | None = None,
        progress: Progress = _silent,
    ) -> Replayed:
        """Takes held items in again. Raises `Interrupted`."""
        return self._replayer.replay(selection, actor=actor, limit=limit, after=after, progress=progress)

    def discard(
        self, selection: Selection, *, why: str, actor: str, erase: bool = False, progress: Progress = _silent
    ) -> Removed:
        """Gives held items up, for the reason given. Raises `Interrupted`."""
        return removal.discard(self._pool, self._log, selection, why=why, actor=actor, erase=erase, progress=progress)

    def expire(self, until: datetime, *, actor: str, progress: Progress = _silent) -> Removed:
        """Destroys the bytes of everything received before `until`. Raises `Interrupted`."""
        return removal.expire(self._pool, self._log, until, actor=actor, progress=progress)
