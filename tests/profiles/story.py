"""One customer's winter, told by three sources: what the examples about profiles are about."""

from __future__ import annotations

from typing import Any

from cdp.policy.rule_book import SURVIVORSHIP
from cdp.survivorship.document import read_survivorship
from tests.api.serving import Served

RULES = """
[attributes.city]
kind = "source priority"
sources = ["crm", "shop"]

[attributes.tier]
ttl = "90 days"

[attributes.interests]
multi_valued = true
"""


def told(app: Served) -> None:
    """Sets the sources up, sends what they say, and then puts rules in force."""
    app.source("shop", "web", namespaces={"user_id": "customers"})
    app.source("crm", "crm")
    app.source("calls", "call_center")
    ada = {"email": "ada@example.com"}
    app.send(
        "shop",
        {"type": "page", "messageId": "1", "timestamp": "2024-01-10T10:00:00Z", "anonymousId": "browser-1"},
        identified("2", "2024-01-12", "u1", {**ada, "city": "Izmir", "interests": ["sea", "ski"]}, browser="browser-1"),
        identified("3", "2024-02-01", "u1", {"city": "Ankara", "tier": "gold"}),
    )
    app.send("crm", identified("4", "2024-02-15", "c7", {**ada, "city": "Bursa", "interests": ["art"]}))
    app.send("calls", identified("5", "2024-03-20", "caller-9", {**ada, "city": ""}))
    app.project()


def ruled(app: Served) -> int:
    """Puts the rules in force; gives the position before."""
    before = app.platform.reader.head().position
    books = app.platform.rule_books
    version = books.draft(SURVIVORSHIP, read_survivorship(RULES), actor="test").number
    books.activate(SURVIVORSHIP, version, actor="test")
    app.project()
    return before


def identified(message: str, day: str, user: str, traits: dict[str, Any], browser: str | None = None) -> dict[str, Any]:
    """An identify call."""
    who = {"userId": user} | ({"anonymousId": browser} if browser else {})
    return {"type": "identify", "messageId": message, "timestamp": f"{day}T10:00:00Z", "traits": traits, **who}
