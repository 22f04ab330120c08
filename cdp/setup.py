"""Setting up sources and service tokens: the decisions of an operator, recorded in the log with who took them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from cdp.access import SCOPES, ServiceToken
from cdp.credentials import new_secret
from cdp.log.application import Log
from cdp.registry import Registry
from cdp.sources.source import CHANNELS, TRUST, Source

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
GRACE = timedelta(hours=24)
"""How long an old write key stays valid after a rotation, unless said otherwise."""


class InvalidSetup(ValueError):
    """A name or an option cannot be used; the message says which and what was expected."""


class NameTaken(InvalidSetup):
    """The name is in use."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"a {kind} named {name!r} exists already; choose another name")


class NotSetUp(LookupError):
    """There is nothing with this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} named {name!r}; `cdp {kind} list` shows what there is")


class Sources:
    """Adds, rotates and disables sources."""

    def __init__(self, log: Log, registry: Registry, clock: Callable[[], datetime] | None = None) -> None:
        self._log = log
        self._registry = registry
        self._clock = clock or (lambda: datetime.now(UTC))

    def add(
        self,
        name: str,
        *,
        channel: str,
        actor: str,
        namespaces: Mapping[str, str] | None = None,
        brand: str | None = None,
        trust: str = "server",
    ) -> str:
        """Sets up a source and returns its write key, which is not kept and cannot be shown again."""
        self.check(name, channel=channel, trust=trust)
        secret = new_secret("wk")
        source = Source(
            name=name,
            channel=channel,
            brand=brand,
            trust=trust,
            namespaces=dict(namespaces or {}),
            credential_id=secret.credential_id,
            key_digest=secret.digest,
            actor=actor,
        )
        try:
            self._log.save(source)
        except IntegrityError:
            raise NameTaken("source", name) from None
        self._registry.refresh()
        return secret.text

    def check(self, name: str, *, channel: str, trust: str) -> None:
        """Raises `InvalidSetup` where `add` would refuse these, whatever is set up."""
        _check_name("source", name)
        _check_choice("channel", channel, CHANNELS)
        _check_choice("trust", trust, TRUST)

    def rotate_key(self, name: str, *, actor: str, grace: timedelta = GRACE) -> str:
        """Gives the source a new write key and returns it; the old one is valid for `grace`."""
        if grace < timedelta(0):
            raise InvalidSetup(f"the old key cannot end {-grace} ago; expected a time of zero or more")
        source = self.get(name)
        secret = new_secret("wk")
        source.rotate_key(secret.credential_id, secret.digest, self._clock() + grace, actor)
        self._log.save(source)
        self._registry.refresh()
        return secret.text

    def disable(self, name: str, *, actor: str) -> None:
        """Refuses the source's write keys from now on; what it delivered stays. Safe to repeat."""
        source = self.get(name)
        if not source.disabled:
            source.disable(actor)
            self._log.save(source)
            self._registry.refresh()

    def get(self, name: str) -> Source:
        """The source with this name, fresh from the log. Raises `NotSetUp`."""
        try:
            return self._log.repository.get(Source.create_id(name))
        except AggregateNotFoundError:
            raise NotSetUp("source", name) from None


class Tokens:
    """Creates and revokes service tokens."""

    def __init__(self, log: Log, registry: Registry) -> None:
        self._log = log
        self._registry = registry

    def create(self, name: str, *, scopes: Collection[str], actor: str) -> str:
        """Makes a token and returns it; only its hash is kept."""
        _check_name("token", name)
        for scope in scopes:
            _check_choice("scope", scope, SCOPES)
        secret = new_secret("st")
        token = ServiceToken(name=name, scopes=sorted(scopes), digest=secret.digest, actor=actor)
        try:
            self._log.save(token)
        except IntegrityError:
            raise NameTaken("token", name) from None
        self._registry.refresh()
        return secret.text

    def revoke(self, name: str, *, actor: str) -> None:
        """Refuses the token from now on. Safe to repeat."""
        try:
            token: ServiceToken = self._log.repository.get(ServiceToken.create_id(name))
        except AggregateNotFoundError:
            raise NotSetUp("token", name) from None
        if not token.revoked:
            token.revoke(actor)
            self._log.save(token)
            self._registry.refresh()


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidSetup(f"{name!r} cannot name a {kind}; expected 1 to 63 of a-z, 0-9, '-', '_', '.'")


def _check_choice(what: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise InvalidSetup(f"{what} {value!r} is unknown; expected one of {', '.join(choices)}")
