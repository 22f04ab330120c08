"""The sources and the service token of the demo, set up when they are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path

from api.demo.access import Access
from api.demo.items import CARD, CARD_NAMESPACE
from api.demo.synthetic import CALLS, EMAIL, SOCIAL, WEB
from cdp.access import SCOPES
from cdp.platform import Platform
from cdp.setup import NameTaken

STORE = "store-tills"
LOYALTY = "loyalty-program"
ACTOR = "cdp demo"
TOKEN = "demo"  # noqa: S105 - its name
READING = tuple(scope for scope in SCOPES if scope.endswith(":read"))

SOURCES: Mapping[str, str] = {
    STORE: "store",
    LOYALTY: "loyalty",
    WEB: "web",
    EMAIL: "email",
    SOCIAL: "social",
    CALLS: "call_center",
}
"""The channel of each source. They all declare the same loyalty cards, so that one card is one customer everywhere."""


def write_keys(platform: Platform, home: Path) -> Mapping[str, str]:
    """A valid write key for every source of the demo: the kept one, or that of a new source, or a rotated one."""
    access = Access.load(home)
    platform.registry.refresh()
    missing = [name for name in SOURCES if not _valid(platform, name, access.write_keys.get(name))]
    for name in missing:
        access.write_keys[name] = _new_key(platform, name)
        access.save(home)
    return {name: access.write_keys[name] for name in SOURCES}


def service_token(platform: Platform, home: Path) -> str:
    """A valid service token that may read everything: the kept one, or a new one.

    A token cannot be made anew under its name, so one whose secret is lost gets a successor with the next number.
    """
    access = Access.load(home)
    if access.token and platform.registry.token(access.token):
        return access.token
    taken = {token.name for token in platform.registry.tokens()}
    name = next(name for name in _token_names() if name not in taken)
    access.token = platform.tokens.create(name, scopes=READING, actor=ACTOR)
    access.save(home)
    return access.token


def _token_names() -> Iterator[str]:
    return (TOKEN if number == 1 else f"{TOKEN}-{number}" for number in count(1))


def _valid(platform: Platform, name: str, key: str | None) -> bool:
    credential = platform.registry.credential(key) if key else None
    return credential is not None and credential.source.name == name


def _new_key(platform: Platform, name: str) -> str:
    namespaces = {CARD: CARD_NAMESPACE}
    try:
        return platform.sources.add(name, channel=SOURCES[name], namespaces=namespaces, trust="server", actor=ACTOR)
    except NameTaken:
        return platform.sources.rotate_key(name, actor=ACTOR, grace=timedelta(0))
