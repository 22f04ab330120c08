"""A bounded map that keeps what was used lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar, cast

K = TypeVar("K")
V = TypeVar("V")
ABSENT: Final = object()


class Recent(Generic[K, V]):
    """At most `limit` entries in two halves, young and old.

    What is found in the old half moves to the young one; when the young half is full it becomes the old one, and what
    nobody asked for since the last time is forgotten. Each step is one operation on a dictionary, so that threads
    need no lock: in a race an entry is at worst forgotten early.
    """

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def pick(self, keys: Iterable[K]) -> dict[K, V]:
        """The entries of those keys that are known."""
        young, old = self._young, self._old
        picked: dict[K, V] = {}
        aged: dict[K, V] = {}
        for key in keys:
            value = young.get(key, ABSENT)
            if value is ABSENT:
                value = old.get(key, ABSENT)
                if value is ABSENT:
                    continue
                aged[key] = cast(V, value)
            picked[key] = cast(V, value)
        if aged:
            self.put(aged)
        return picked

    def put(self, entries: Mapping[K, V]) -> None:
        """Remembers the entries; of more than half the limit only as many as fit."""
        young = self._young
        if len(young) + len(entries) > self._half:
            self._old = young
            self._young = young = {}
        if len(entries) > self._half:
            entries = dict(list(entries.items())[-self._half :])
        young.update(entries)
