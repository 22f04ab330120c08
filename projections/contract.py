"""What a projection is to the engine: a name, a version, tables, and a writer that takes batches of touchpoints.

A projection is a folder in `projections/` whose `projection.py` binds `PROJECTION`. It holds only what can be built
again from the log: no serial numbers and no clock in its rows, so that a replay gives the same rows, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection

from cdp.identity.identifier import Identifier
from cdp.identity.rules import DEFAULT_RULES, RuleSet
from cdp.log.touchpoint import Touchpoint
from cdp.survivorship.rules import DEFAULT_SURVIVORSHIP, Survivorship

Connected = Connection[tuple[Any, ...]]

Values = Callable[[Iterable[int]], Mapping[int, Identifier | None]]
"""Looks up in the vault what identifier numbers stand for; None where that was destroyed."""


class Policy(Protocol):
    """What was decided up to one position of the log."""

    @property
    def rules(self) -> RuleSet:
        """The identity rules in force."""
        ...

    @property
    def rules_version(self) -> int:
        """The number of their version, 0 for the built-in ones."""
        ...

    @property
    def decisions(self) -> Sequence[Any]:
        """The stewards' decisions in force, in the order of their positions."""
        ...

    @property
    def public(self) -> frozenset[UUID]:
        """The sources whose sightings are public: anybody could have sent them."""
        ...

    @property
    def survivorship(self) -> Survivorship:
        """The rules in force for what a profile shows of what was claimed."""
        ...

    @property
    def survivorship_version(self) -> int:
        """The number of their version, 0 for the built-in ones."""
        ...


class Policies(Protocol):
    """What was decided, at any position of the log."""

    def at(self, position: int) -> Policy:
        """What was in force after the event at this position."""
        ...


@dataclass(frozen=True)
class FixedPolicy:
    """A policy that never changes; by default the built-in rules, and no decision was taken."""

    rules: RuleSet = DEFAULT_RULES
    rules_version: int = 0
    decisions: tuple[Any, ...] = ()
    public: frozenset[UUID] = frozenset()
    survivorship: Survivorship = DEFAULT_SURVIVORSHIP
    survivorship_version: int = 0

    def at(self, position: int) -> FixedPolicy:
        """The same at every position."""
        return self


@dataclass(frozen=True)
class Surroundings:
    """What a projection may depend on beside the log: declared here, so that nothing else creeps in.

    `policies` is folded from the log itself: it differs between two positions, never between two runs.
    """

    timezone: ZoneInfo
    values: Values
    policies: Policies = FixedPolicy()


@dataclass(frozen=True)
class Batch:
    """Touchpoints in the order of the log, past position `after` and up to `position`.

    `moved` holds, by projection, the keys whose earlier rows this batch changed; a projection that requires another
    finds there what it must compute anew.
    """

    touchpoints: Sequence[Touchpoint]
    after: int
    position: int
    moved: dict[str, frozenset[str]] = field(default_factory=dict)


class Writer(Protocol):
    """A projection at work. It may remember what it wrote: after an error the engine makes a new one."""

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Brings the tables up to `batch.position`, inside the transaction that is open on `connection`.

        Returns the keys whose earlier rows changed. Reads nothing that is past the batch.
        """
        ...


class Projection(Protocol):
    """The declaration of a projection."""

    @property
    def name(self) -> str:
        """The schema in which its views are found: lower case letters."""
        ...

    @property
    def version(self) -> int:
        """Raised by whoever changes tables or meaning; the engine then builds the projection anew."""
        ...

    @property
    def requires(self) -> tuple[str, ...]:
        """The projections that must have seen a batch before this one does."""
        ...

    def configuration(self, surroundings: Surroundings) -> str:
        """What of the surroundings its rows depend on; when it changes the engine builds the projection anew."""
        ...

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A fresh writer. `schemas` names the database schema of each projection's version."""
        ...


def tables_of(projection: Projection) -> str:
    """The SQL that makes the projection's tables: `schema.sql` beside its `projection.py`."""
    return resources.files(f"projections.{projection.name}").joinpath("schema.sql").read_text("utf-8")


def schema_of(projection: Projection) -> str:
    """The database schema that holds this version's tables."""
    return f"{projection.name}_v{projection.version}"


def next_schema_of(projection: Projection) -> str:
    """The database schema in which this version is built beside the rows that are served."""
    return f"{schema_of(projection)}_next"
