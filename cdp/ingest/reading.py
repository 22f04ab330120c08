"""Reading an item: decode, connector, identifiers, clocks, plan, parts. Pure, and each item on its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from cdp.identity.identifier import SELF, SHAREABLE, Identifier
from cdp.identity.normalise import InvalidIdentifier, identifier, named
from cdp.ingest.catalogue import ABOUT_NOBODY, DECLARED, NOTHING
from cdp.ingest.clocks import Clocks, correct
from cdp.ingest.item import canonical, decode_item
from cdp.ingest.partition import partition
from cdp.ingest.split import Split
from cdp.log.touchpoint import UNKNOWN_NAME
from cdp.plans.judging import Plan
from cdp.sources.connector import Connector, Tree
from cdp.sources.rejection import Reason, Rejected
from cdp.sources.source import Source

MOST_IDENTIFIERS = 50


class Reading(NamedTuple):
    """What an item says, before the vault and the log have seen it.

    `identifiers` are (role, identifier), each once; `canonical` is the content by which a repetition is told from a
    conflict; `message_id` is None where the source gave none; `plan` is the version of the plan that judged it.
    """

    source: Source
    connector: Connector
    raw: bytes
    type: str
    name: str
    message_id: str | None
    clocks: Clocks
    identifiers: tuple[tuple[str, Identifier], ...]
    business: Tree
    references: Mapping[str, str]
    personal: dict[str, Tree]
    canonical: bytes
    flags: tuple[str, ...]
    effective_at: datetime
    plan: int | None = None

    @property
    def key_day(self) -> date | None:
        """The day of its subject key; None where an exclusive identifier gives it a key of its own for ever."""
        for role, each in self.identifiers:
            if role == SELF and each.type not in SHAREABLE:
                return None
        return self.effective_at.date()


PlanOf = Callable[[UUID], Plan | None]
"""The tracking plan in force for a source, by its id."""


class Reader:
    """Reads items of any connector."""

    def __init__(self, region: str, max_item_bytes: int, plan_of: PlanOf = lambda _: None) -> None:
        self._region = region
        self._max_bytes = max_item_bytes
        self._plan_of = plan_of

    def read(
        self,
        raw: bytes,
        source: Source,
        connector: Connector,
        received_at: datetime,
        call: str | None,
        split: Split,
    ) -> Reading:
        """Raises `Rejected` when the item cannot be accepted."""
        item = decode_item(raw, self._max_bytes - split.defaults_size)
        if split.defaults:
            item = _with_defaults(item, split.defaults)
        said = connector.read(item, call)
        content = said.type.encode() + b"\n" + canonical(item if said.content is None else said.content)
        flags: list[str] = []
        nobody = said.anonymous or said.name in ABOUT_NOBODY
        identifiers = self._identifiers(source, nobody, said.identifiers, flags)
        clocks = correct(said.timestamp, said.sent_at if split.sent_at is None else split.sent_at, received_at)
        plan = self._plan_of(source.id)
        declared = DECLARED.get(said.name)
        judged = None
        if plan is not None:
            declared = plan.declared.get(said.name, declared)
            judged = plan.judge(said, flags)
        parts = partition(said.tree, declared or NOTHING)
        message_id = said.message_id
        if message_id is None:
            flags.append("message_id_derived" if said.timestamp is not None else "message_id_random")
            message_id = None if said.timestamp is not None else f"random:{os.urandom(16).hex()}"
        return Reading(
            source,
            connector,
            raw,
            said.type,
            said.name if declared is not None else UNKNOWN_NAME,
            message_id,
            clocks,
            identifiers,
            parts.business,
            parts.references,
            parts.personal,
            content,
            (*clocks.flags, *flags),
            min(clocks.occurred_at, clocks.received_at),
            judged,
        )

    def _identifiers(
        self, source: Source, nobody: bool, sent: list[tuple[str, str, Any]], flags: list[str]
    ) -> tuple[tuple[str, Identifier], ...]:
        if len(sent) > MOST_IDENTIFIERS:
            detail = f"the item has {len(sent)} identifiers; expected at most {MOST_IDENTIFIERS}: name one person"
            raise Rejected(Reason.TOO_MANY_IDENTIFIERS, detail)
        found: dict[tuple[str, Identifier], None] = {}
        for role, type_, value in sent:
            type_, value = named(type_, value, source.namespaces)
            try:
                found[role, identifier(type_, value, source.namespace(type_), self._region)] = None
            except InvalidIdentifier as error:
                flags.append(f"unusable:{error.type}")
        if not nobody and not any(role == SELF for role, _ in found):
            detail = (
                "no usable identifier; expected userId, anonymousId, context.externalIds, "
                "or an e-mail or phone in context.traits"
            )
            raise Rejected(Reason.MISSING_IDENTIFIER, detail)
        return tuple(found)


def _with_defaults(item: Tree, defaults: Tree) -> Tree:
    """The item with what its batch says for all; the item's own word goes first."""
    merged = dict(item)
    for field, common in defaults.items():
        own = item.get(field)
        if own is None:
            merged[field] = common
        elif isinstance(own, dict):
            merged[field] = {**common, **own}
    return merged
