"""Items as a client of the collection API sends them, and the loyalty card that joins the demo's channels."""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]

CARD = "loyalty_card"
CARD_NAMESPACE = "complete-journey"
"""The name that every source of the demo declares for its loyalty cards, so that one card is the same card in all."""


def external_id(kind: str, value: str) -> Item:
    """One entry of `context.externalIds`, the place for identifiers other than user and anonymous ids."""
    return {"id": value, "type": kind, "collection": "users", "encoding": "none"}


def card_of(household: int) -> Item:
    """The loyalty card of a household: the data set's household id stands for the card's number."""
    return external_id(CARD, str(household))
