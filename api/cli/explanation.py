"""Explanations of identity for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from api.explanation_words import ERASED
from cdp.identity.identifier import Identifier
from cdp.policy.naming import written


def described_words(described: dict[str, Any]) -> str:
    """An identifier as people write it, from its description."""
    if described["type"] is None:
        return ERASED
    return written(Identifier(described["type"], described["namespace"], described["value"]))


def render_explanation(found: dict[str, Any]) -> RenderableType:
    """The chain that joins two identifiers, a line for each link, or every reason why none does."""
    return Group(*_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[Text]:
    pair = f"{described_words(found['a'])} and {described_words(found['b'])}"
    if not found["joined"]:
        yield Text(f"{pair} are not one profile:", "bold")
        yield from (Text(f"- {each['message']}{_by(each['decision'])}") for each in found["obstacles"])
    else:
        yield Text(f"{pair} are one profile, {found['profile']}:", "bold")
        yield from (Text(f"- {_link(each)}") for each in found["chain"])
        yield from (Text(f"- {_turn(each)}") for each in found["turns"])
    yield Text(_rules(found["rules_version"]), "dim")


def _link(link: dict[str, Any]) -> str:
    a, b = described_words(link["a"]), described_words(link["b"])
    if link["kind"] == "steward":
        return f"a steward linked {a} and {b}{_by(link['decision'])}"
    what = f"{b} authenticated on {a}" if link["kind"] == "last authenticated" else f"{a} and {b} are in one touchpoint"
    return what + _where(link["touchpoint"]) + (", by a public source only" if link["public"] else "")


def _where(touchpoint: dict[str, Any] | None) -> str:
    if touchpoint is None:
        return ""
    place = f"{touchpoint['source']} ({touchpoint['channel']})"
    return f": {touchpoint['name']}, {place}, {touchpoint['effective_at']}, event {touchpoint['event_id']}"


def _by(decision: dict[str, Any] | None) -> str:
    if decision is None:
        return ""
    who, why = decision["actor"] or ERASED, decision["reason"] or ERASED
    return f": {who}, {decision['at'][:16]}, position {decision['position']}: {why}"


def _turn(turn: dict[str, Any]) -> str:
    return f"from {turn['from'] or 'the beginning'} until {turn['until'] or 'now'}"


def _rules(version: int) -> str:
    return f"by version {version} of the identity rules" if version else "by the built-in identity rules"
