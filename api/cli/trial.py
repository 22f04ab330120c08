"""Dry runs for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text


def render_trial(found: dict[str, Any]) -> RenderableType:
    """Each change on a line, then how many there are."""
    return Group(*_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[Text]:
    for each in found["changes"]:
        before, after = " ".join(each["before"]) or "nobody", " ".join(each["after"]) or "nobody"
        yield Text(f"{before} → {after}: {each['kind']}, {_count(each['touchpoints'], 'touchpoint')} elsewhere")
    if found["not_shown"]:
        yield Text(f"… and {found['not_shown']:,} more")
    counts = (_count(found[f"{kind}s"], kind) for kind in ("merge", "split", "move"))
    total = f"{_count(found['profiles'], 'profile')}, {_count(found['touchpoints'], 'touchpoint')}"
    yield Text(f"{', '.join(counts)}: {total}. Nothing was changed.", "bold")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
