"""A table of a TOML document that knows its own path, so that every complaint names the key."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any

_MISSING: Any = object()


class InvalidMapping(ValueError):
    """The mapping cannot be used; the message names the key, what was expected there, and the remedy."""

    def __init__(self, key: str, expected: str, remedy: str = "") -> None:
        super().__init__(f"mapping, {key}: expected {expected}" + (f". {remedy}" if remedy else ""))
        self.key = key


class Table:
    """Takes each key once; `finish` refuses what nobody took."""

    def __init__(self, path: str, content: Any) -> None:
        if not isinstance(content, dict):
            raise InvalidMapping(path, f"a table, found {shown(content)}")
        self.path = path
        self._content: dict[str, Any] = content
        self._taken: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def key(self, key: str) -> str:
        """The path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def take(self, key: str, default: Any = _MISSING) -> Any:
        """Whatever stands there."""
        self._taken.add(key)
        found = self._content.get(key, default)
        if found is _MISSING:
            raise InvalidMapping(self.key(key), "a value", f"Add `{key} = …`; docs/importing.md lists every key.")
        return found

    def text(self, key: str, default: Any = _MISSING) -> Any:
        """A text."""
        found = self.take(key, default)
        if found is not default and not isinstance(found, str):
            raise InvalidMapping(self.key(key), f"a text, found {shown(found)}")
        return found

    def choice(self, key: str, choices: Collection[str], default: Any = _MISSING) -> Any:
        """One of some texts."""
        found = self.text(key, default)
        if found is not default and found not in choices:
            raise InvalidMapping(self.key(key), f"one of {', '.join(choices)}, found {shown(found)}")
        return found

    def number(self, key: str, default: Any, low: int, high: int) -> Any:
        """A whole number in a range."""
        found = self.take(key, default)
        if found is default:
            return found
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            raise InvalidMapping(self.key(key), f"a whole number from {low} to {high}, found {shown(found)}")
        return found

    def switch(self, key: str) -> bool:
        """True or false; false when absent."""
        found = self.take(key, False)
        if not isinstance(found, bool):
            raise InvalidMapping(self.key(key), f"true or false, found {shown(found)}")
        return found

    def texts(self, key: str, default: Any = _MISSING) -> Any:
        """A list of texts, as a tuple."""
        found = self.take(key, default)
        if found is default:
            return found
        if isinstance(found, list) and all(isinstance(each, str) for each in found):
            return tuple(found)
        raise InvalidMapping(self.key(key), f"a list of texts, found {shown(found)}")

    def table(self, key: str) -> Table | None:
        """A table below; None when absent."""
        found = self.take(key, None)
        return None if found is None else Table(self.key(key), found)

    def tables(self, key: str) -> list[Table]:
        """A list of tables below."""
        found = self.take(key, [])
        if not isinstance(found, list):
            raise InvalidMapping(self.key(key), f"a list of tables, written [[{self.key(key)}]]")
        return [Table(f"{self.key(key)}[{at}]", each) for at, each in enumerate(found)]

    def finish(self) -> None:
        """Refuses keys that mean nothing."""
        for key in self._content:
            if key not in self._taken:
                similar = difflib.get_close_matches(key, self._taken, 1)
                remedy = f"Did you mean `{similar[0]}`?" if similar else "Remove it."
                raise InvalidMapping(self.key(key), f"one of {', '.join(sorted(self._taken))}", remedy)


def shown(value: Any) -> str:
    """A value of the mapping, as a message quotes it."""
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "…"
