"""What differs between two sets of identity rules, as somebody would review it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cdp.identity.document import NONE, tree_of
from cdp.identity.rules import RuleSet


class Difference(NamedTuple):
    """One thing that differs: of a part of the rules (or of them as a whole), before and after; None is absent."""

    part: str | None
    path: str
    before: str | None
    after: str | None


def differences(before: RuleSet, after: RuleSet) -> list[Difference]:
    """What differs, part by part."""
    old, new = tree_of(before), tree_of(after)
    found = [*_differing(None, old, new), *_differing("trust", old["trust"], new["trust"])]
    for name in sorted(old["types"].keys() | new["types"].keys()):
        found += _differing(f"types.{name}", old["types"].get(name, {}), new["types"].get(name, {}))
    return [*found, *_differing("other", old["other"], new["other"])]


def _differing(part: str | None, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for key in [*before, *(key for key in after if key not in before)]:
        if isinstance(before.get(key, after.get(key)), dict):
            continue
        if isinstance(before.get(key, after.get(key)), list):
            yield from _listed(part, key, before.get(key, []), after.get(key, []))
        elif before.get(key) != after.get(key):
            yield Difference(part, key, _shown(before, key), _shown(after, key))


def _listed(part: str | None, key: str, before: list[str], after: list[str]) -> Iterator[Difference]:
    yield from (Difference(part, key, each, None) for each in before if each not in after)
    yield from (Difference(part, key, None, each) for each in after if each not in before)


def _shown(tree: dict[str, Any], key: str) -> str | None:
    if key not in tree:
        return None
    value = tree[key]
    if isinstance(value, bool):
        return "true" if value else "false"
    return NONE if value is None else str(value)
