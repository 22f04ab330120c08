"""What a connector is: one provider's format, translated into touchpoints. Each lives in a file of its own."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any, NamedTuple, Protocol

Tree = dict[str, Any]


class Call(NamedTuple):
    """An item as the common specification means it.

    `name` is the canonical event name where there is one; `timestamp` and `sent_at` are ISO 8601 texts with a zone, or
    None; `identifiers` are (role, type, raw value); `tree` is the whole item in the shape of the specification, from
    which nothing may be missing. `content` is by what a repetition is told from a conflict, where one item may come in
    several forms; None stands for the item as sent. `anonymous` says that it may name nobody, whatever its event.
    """

    type: str
    name: str
    message_id: str | None
    timestamp: Any
    sent_at: Any
    identifiers: list[tuple[str, str, Any]]
    tree: Tree
    content: Tree | None = None
    anonymous: bool = False


class Connector(Protocol):
    """A provider's format. `name` and `version` go into every header; a change of what `read` says is a new version."""

    name: str
    version: int

    def read(self, item: Tree, call: str | None) -> Call:
        """Translates an item; `call` is what the endpoint says of an item that comes alone. Raises `Rejected`."""


@cache
def connectors() -> dict[str, Connector]:
    """Every connector by its name: the modules of `cdp.sources.connectors` that have a `CONNECTOR`."""
    package = importlib.import_module("cdp.sources.connectors")
    modules = (
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    )
    found: list[Connector] = [module.CONNECTOR for module in modules]
    return {connector.name: connector for connector in found}
