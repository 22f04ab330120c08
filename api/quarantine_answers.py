"""Quarantine as plain values: what the API answers and the commands print."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from cdp.imports.ledger import Ledger
from cdp.ingest.reading import Reading
from cdp.platform import Platform
from cdp.quarantine.change import Unfit
from cdp.quarantine.fixing import Fixed, Verdict
from cdp.quarantine.listing import Count, Line, Listed, Page, Shown
from cdp.quarantine.lookup import DeliveryOutcome, ItemOutcome
from cdp.quarantine.masking import masked
from cdp.quarantine.opening import MENDED, REPLAYED
from cdp.quarantine.removal import Removed
from cdp.quarantine.replay import Replayed
from cdp.sources.rejection import Rejected


def source_name(platform: Platform, source_id: UUID) -> str:
    """The name of a source that delivered."""
    source = platform.registry.source(source_id)
    return source.name if source else str(source_id)


def described_count(platform: Platform, count: Count) -> dict[str, Any]:
    """How many items of a source are held for a reason."""
    return {
        "source": source_name(platform, count.source_id),
        "stage": count.stage,
        "reason": count.reason,
        "state": count.state,
        "items": count.items,
        "first": count.first.isoformat(),
        "last": count.last.isoformat(),
    }


def described_listed(platform: Platform, listed: Listed) -> dict[str, Any]:
    """An item as lists show it, without what it holds."""
    return {
        "id": str(listed.place.quarantine_id),
        "source": source_name(platform, listed.source_id),
        "delivery": str(listed.place.delivery_id),
        "item": listed.place.item,
        "received_at": listed.place.received_at.isoformat(),
        "state": listed.state,
        "stage": listed.stage,
        "reason": listed.reason,
        "plan": listed.plan,
        "bytes": listed.size,
        "whole": listed.whole,
        "mended": listed.mended,
        "kept": listed.kept,
        "position": listed.position,
        "parent": str(listed.parent) if listed.parent else None,
    }


def described_page(platform: Platform, page: Page) -> dict[str, Any]:
    """A page with the cursor of the next."""
    items = [described_listed(platform, each) for each in page.items]
    return {"items": items, "next": page.after.cursor() if page.after else None}


def described_item(platform: Platform, shown: Shown, *, raw: bool) -> dict[str, Any]:
    """One item with its history; its values only with `raw`."""
    row, opened = shown.row, shown.opened
    return {
        "id": str(row.quarantine_id),
        "source": source_name(platform, row.source_id),
        "delivery": str(row.delivery_id),
        "item": row.item,
        "credential": row.credential_id,
        "received_at": row.received_at.isoformat(),
        "state": row.state,
        "stage": row.stage,
        "reason": row.reason,
        "plan": row.plan,
        "position": row.position,
        "whole": row.whole,
        "parent": str(row.parent) if row.parent else None,
        "children": [str(each) for each in shown.children],
        "file": _file(platform, shown),
        "connector": opened.kept.connector if opened else None,
        "call": opened.kept.call if opened else None,
        "history": [_described_line(line) for line in shown.lines],
        "kept": opened is not None,
        "content": _content(opened.kept.raw, raw) if opened else None,
        "mended": _content(opened.mended, raw) if opened and opened.mended is not None else None,
        "common": _common(shown, raw),
    }


def described_outcome(outcome: ItemOutcome) -> dict[str, Any]:
    """What became of one item."""
    quarantine_id = str(outcome.quarantine_id) if outcome.quarantine_id else None
    return {**outcome._asdict(), "delivery_id": str(outcome.delivery_id), "quarantine_id": quarantine_id}


def described_delivery(platform: Platform, delivery: DeliveryOutcome) -> dict[str, Any]:
    """What became of every item of a delivery."""
    return {
        "delivery": str(delivery.delivery_id),
        "source": source_name(platform, delivery.source_id),
        "credential": delivery.credential_id,
        "received_at": delivery.received_at.isoformat(),
        "received": delivery.received,
        "split": str(delivery.split) if delivery.split else None,
        "items": [described_outcome(each) for each in delivery.items],
    }


def described_verdict(verdict: Verdict | Unfit) -> dict[str, Any]:
    """What the reader says of an item's new bytes, or why the change does not fit."""
    if isinstance(verdict, Unfit):
        return {"readable": False, "items": [{"reason": "unfit", "message": str(verdict)}]}
    items = [_described_reading(each) for each in verdict.items]
    return {"id": str(verdict.quarantine_id), "readable": not verdict.rejections, "items": items}


def described_verdicts(verdicts: Iterable[Verdict | Unfit]) -> dict[str, Any]:
    """What the reader says of many, counted."""
    reasons: Counter[str] = Counter()
    readable = tried = 0
    for each in verdicts:
        tried += 1
        if isinstance(each, Unfit):
            reasons["unfit"] += 1
        elif each.rejections:
            reasons[each.rejections[0].reason.value] += 1
        else:
            readable += 1
    return {"tried": tried, "readable": readable, "reasons": dict(reasons)}


def described_fixed(fixed: Fixed) -> dict[str, Any]:
    """What a fix did."""
    return {"decision": _text(fixed.decision), "matching": fixed.matching, **fixed.outcomes}


def described_replayed(replayed: Replayed) -> dict[str, Any]:
    """What a replay did; `next` where a limit ended it."""
    after = replayed.after.cursor() if replayed.after else None
    return {
        "decision": _text(replayed.decision),
        "matching": replayed.matching,
        "outcomes": dict(replayed.outcomes),
        "next": after,
    }


def described_removed(removed: Removed) -> dict[str, Any]:
    """What a discard or an expiry did."""
    return {**removed._asdict(), "decision": _text(removed.decision)}


def _file(platform: Platform, shown: Shown) -> dict[str, Any] | None:
    """The rows of an imported file that the item was made of; the file is named by its digest."""
    origin = Ledger(platform.databases.log).origin(shown.row.delivery_id, shown.row.item)
    if origin is None:
        return None
    return {"sha256": origin.file_digest.hex(), "row": origin.row, "rows": origin.rows}


def _described_line(line: Line) -> dict[str, Any]:
    return {**line._asdict(), "at": line.at.isoformat(), "decision": _text(line.decision)}


def _described_reading(item: Reading | Rejected) -> dict[str, Any]:
    if isinstance(item, Rejected):
        return {"stage": item.stage.value, "reason": item.reason.value, "message": item.detail}
    occurred_at = item.clocks.occurred_at.isoformat()
    flags = [flag for flag in item.flags if flag not in (MENDED, REPLAYED)]
    return {"type": item.type, "name": item.name, "occurred_at": occurred_at, "flags": flags}


def _common(shown: Shown, raw: bool) -> Any:
    """What the batch says for all of its items."""
    if shown.opened is None or not shown.opened.common:
        return None
    common = shown.opened.common
    said = common.defaults | ({} if common.sent_at is None else {"sentAt": common.sent_at})
    return said if raw else sorted(said)


def _content(content: bytes, raw: bool) -> Any:
    """The bytes as text, or in Base64 where they are none; masked unless `raw`."""
    if not raw:
        return {"bytes": len(content), "masked": masked(content)}
    try:
        return {"bytes": len(content), "text": content.decode()}
    except UnicodeDecodeError:
        return {"bytes": len(content), "base64": base64.b64encode(content).decode()}


def _text(decision: UUID | None) -> str | None:
    return str(decision) if decision else None
