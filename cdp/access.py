"""Service tokens: who may ask what of `/api`."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.log.accountable import Accountable

SCOPES = (
    *("profiles:read", "sales:read", "status:read", "sources:read", "sources:write", "plans:read", "plans:write"),
    *("quarantine:read", "quarantine:write", "quality:read", "tokens:write", "projections:write"),
    *("identity:read", "identity:write", "search:read", "accounts:read", "sales:write"),
)
_NAMES = UUID("f3b1d2c4-0b7a-5c55-8d0f-6f6f3e0c9a27")


class ServiceToken(Accountable):
    """A token for programs, limited to scopes. Its id follows from its name."""

    TOPIC: ClassVar[str] = "service_token.v1"

    class Created(Accountable.Created):
        """A token was given out."""

        TOPIC: ClassVar[str] = "service_token.created.v1"
        name: str
        scopes: list[str]
        digest: str

    class Revoked(Accountable.Event):
        """The token is refused from now on."""

        TOPIC: ClassVar[str] = "service_token.revoked.v1"

    @staticmethod
    def create_id(name: str) -> UUID:
        """The id of the token with this name."""
        return uuid5(_NAMES, name)

    @event(Created)
    def __init__(self, name: str, scopes: list[str], digest: str, actor: str) -> None:
        self.name = name
        self.scopes = frozenset(scopes)
        self.digest = digest
        self.created_by = actor
        self.revoked = False

    @event(Revoked)
    def revoke(self, actor: str) -> None:
        """Ends the token."""
        self.revoked = True
