"""Identifiers as people name them: `email:ada@example.com`, `user_id@shop:42`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from cdp.identity import normalise
from cdp.identity.identifier import GLOBAL, Identifier
from cdp.registry import Registry
from cdp.vault.vault import Vault

_FORM = re.compile(r"(?P<type>[^:@\s]{1,64})(?:@(?P<namespace>[^:\s]{1,64}))?:(?P<value>.+)", re.DOTALL)


class NotNamed(ValueError):
    """The text names no identifier."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} names no identifier; expected TYPE:VALUE such as email:ada@example.com, or with the namespace "
            "where the value counts, TYPE@NAMESPACE:VALUE such as user_id@shop:42"
        )


class IdentifierUnknown(LookupError):
    """No touchpoint ever held the identifier, or it was erased."""

    def __init__(self, text: str, namespaces: Iterable[str]) -> None:
        looked = ", ".join(sorted(namespaces))
        super().__init__(
            f"no touchpoint holds {text} (looked in {looked}); check the value, or name its namespace as "
            "TYPE@NAMESPACE:VALUE"
        )


class SeveralMeant(ValueError):
    """The value is known in several namespaces, and means another in each."""

    def __init__(self, text: str, found: Iterable[Identifier]) -> None:
        type_, _, value = text.partition(":")
        named = " or ".join(f"{type_}@{each.namespace}:{value}" for each in found)
        super().__init__(f"{text} is known in several namespaces; say which: {named}")


class Found(NamedTuple):
    """An identifier that the platform knows, with the vault's number."""

    identifier: Identifier
    number: int


class Naming:
    """Finds identifiers by what people write, normalised as ingest does it."""

    def __init__(self, vault: Vault, registry: Registry, region: str) -> None:
        self._vault = vault
        self._registry = registry
        self._region = region

    def find(self, text: str) -> Found:
        """The identifier that a text names.

        Raises `NotNamed`, `InvalidIdentifier` for a value that cannot be of its type, `IdentifierUnknown`, and
        `SeveralMeant` where no namespace is given and several know the value.
        """
        parts = _FORM.fullmatch(text.strip())
        if parts is None:
            raise NotNamed(text)
        wanted = self._meant(parts["type"], parts["value"], parts["namespace"])
        found = [Found(each, number) for each in wanted if (number := self._vault.find(each)) is not None]
        if not found:
            raise IdentifierUnknown(text, {each.namespace for each in wanted})
        if len(found) > 1:
            raise SeveralMeant(text, [each.identifier for each in found])
        return found[0]

    def _meant(self, type_: str, value: str, namespace: str | None) -> list[Identifier]:
        """What the text may mean: the value in every namespace in which a source's identifiers of this type count."""
        self._registry.refresh()
        kept = {
            (*normalise.named(type_, value, source.namespaces), namespace or source.namespace(type_))
            for source in self._registry.sources()
        } or {(*normalise.named(type_, value, ()), namespace or GLOBAL)}
        return sorted({normalise.identifier(*each, self._region) for each in kept})


def written(identifier: Identifier) -> str:
    """An identifier as `Naming.find` reads it."""
    place = "" if identifier.namespace == GLOBAL else f"@{identifier.namespace}"
    return f"{identifier.type}{place}:{identifier.value}"
