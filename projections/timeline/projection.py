"""The timeline: one row for every touchpoint, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from cdp.log.touchpoint import Touchpoint
from projections.contract import Surroundings
from projections.declared import Declared
from projections.facts import Facts

LONGEST_SUMMARY = 120
LABELS = ("campaign", "campaign_id", "coupon", "coupon_id", "topic", "reason", "tier", "status", "network")
"""Business properties that say in a word what a touchpoint was about; the first one present is shown."""


class TimelineRow(NamedTuple):
    """A touchpoint as the timeline shows it."""

    position: int
    event_id: str
    subject: int | None
    effective_at: datetime
    occurred_at: datetime
    received_at: datetime
    source: UUID
    channel: str
    name: str
    summary: str


def timeline_row(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[TimelineRow]:
    """The row of a touchpoint."""
    header = touchpoint.header
    yield TimelineRow(
        touchpoint.position,
        header.id,
        header.subject,
        header.effective_at,
        header.occurred_at,
        header.received_at,
        header.source,
        header.channel,
        header.name,
        summary(touchpoint.business),
    )


def summary(business: dict[str, Any]) -> str:
    """What a touchpoint was about, in a few words taken from its clear facts: amount, lines, campaign, points."""
    properties = business.get("properties")
    if not properties:
        return ""
    words = [*_amount(properties), *_lines(properties), *_points(properties), *_label(properties)]
    return " · ".join(words)[:LONGEST_SUMMARY]


def _amount(properties: dict[str, Any]) -> Iterator[str]:
    for name in ("total", "revenue", "value", "price"):
        if (amount := properties.get(name)) is not None:
            yield f"{amount} {properties.get('currency') or ''}".rstrip()
            return


def _lines(properties: dict[str, Any]) -> Iterator[str]:
    lines = properties.get("products")
    if lines:
        yield "1 line" if len(lines) == 1 else f"{len(lines)} lines"


def _points(properties: dict[str, Any]) -> Iterator[str]:
    if (points := properties.get("points")) is not None:
        yield f"{points} points"


def _label(properties: dict[str, Any]) -> Iterator[str]:
    for name in LABELS:
        if (label := properties.get(name)) is not None:
            yield f"{name.removesuffix('_id')} {label}"
            return


PROJECTION = Declared(
    name="timeline",
    version=2,
    facts=(Facts("touchpoints", TimelineRow, timeline_row),),
)
