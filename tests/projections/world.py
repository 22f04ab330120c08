"""A log in memory with touchpoints to order, and an engine over it: what the tests of projections are given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from cdp.identity.decision import Decision, Kind
from cdp.identity.identifier import GLOBAL, SELF, Identifier, Sighting
from cdp.identity.rules import DEFAULT_RULES, RuleSet
from cdp.log.events import Head, RecordedEvent
from cdp.log.touchpoint import CONTENT, TOPIC, Header, Keys, Touchpoint
from projections.contract import Connected, FixedPolicy, Policy, Projection, Surroundings, schema_of
from projections.discovery import found_projections
from projections.engine import Engine
from projections.publication import relations
from tests.projections.restarting import begin_again

SPACE = UUID("0b1f8c0e-0000-4000-8000-000000000000")
CONTROL = "control.v1"
START = datetime(2024, 3, 1, 12, tzinfo=UTC)


def number_of(identifier: Identifier) -> int:
    """A number for an identifier, as the vault would give it out."""
    return int.from_bytes(sha256(repr(tuple(identifier)).encode()).digest()[:8], "big") >> 1


def subject_of(numbers: Iterable[int]) -> int | None:
    """The number of a set of identifiers; None for the empty set."""
    members = sorted(set(numbers))
    return int.from_bytes(sha256(repr(members).encode()).digest()[:8], "big") >> 1 if members else None


@dataclass
class World:
    """A log and the vault's values, both in memory. Implements the engine's reader and opener, and the policies.

    `decided` says what was decided at which position, where `touchpoints` has one about nobody that is never opened:
    rules, a steward's decision, or nothing that matters. `trust` is that of sources that are not servers'.
    """

    touchpoints: list[Touchpoint] = field(default_factory=list)
    values: dict[int, Identifier | None] = field(default_factory=dict)
    incarnation: UUID = SPACE
    poison: set[int] = field(default_factory=set)
    decided: dict[int, RuleSet | Decision | None] = field(default_factory=dict)
    trust: Mapping[str, str] = field(default_factory=dict)

    def see(
        self,
        who: Mapping[str, str],
        name: str = "Page Viewed",
        *,
        at: float = 0,
        traits: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        references: Mapping[str, str] | None = None,
        channel: str = "web",
        source: str = "shop",
        late: float = 0,
    ) -> Touchpoint:
        """Appends a touchpoint about whoever has these identifiers, `at` hours after the start."""
        sightings = tuple(self._sighting(kind, value) for kind, value in who.items())
        position = len(self.touchpoints) + 1
        occurred_at = START + timedelta(hours=at)
        header = Header(
            id=sha256(f"{source}{position}".encode()).hexdigest()[:32],
            source=uuid5(SPACE, source),
            connector="segment",
            connector_version=1,
            credential="key",
            delivery=SPACE,
            item=0,
            message="",
            type="track",
            name=name,
            channel=channel,
            occurred_at=occurred_at,
            received_at=occurred_at + timedelta(hours=late),
            identifiers=sightings,
            subject=subject_of(sighting.number for sighting in sightings),
            keys=Keys(0, {}),
            raw_digest="",
        )
        business: dict[str, Any] = {"properties": dict(properties)} if properties else {}
        if references:
            business["references"] = dict(references)
        personal = {CONTENT: {"traits": dict(traits)}} if traits else {}
        recorded_at = START + timedelta(days=100, seconds=position)
        touchpoint = Touchpoint(position, recorded_at, header, business, personal)
        self.touchpoints.append(touchpoint)
        return touchpoint

    def decide(self, kind: Kind | Literal["release"], *who: Mapping[str, str]) -> None:
        """Appends a steward's decision about these identifiers; `release` takes the last one back."""
        numbers = tuple(sorted(self._sighting(*pair).number for each in who for pair in each.items()))
        position = self._control()
        if kind == "release":
            self.decided[position] = Decision("link", numbers, -1)
        else:
            self.decided[position] = Decision(kind, numbers, position)

    def activate(self, rules: RuleSet) -> None:
        """Appends that other rules are in force."""
        self.decided[self._control()] = rules

    def at(self, position: int) -> Policy:
        """What was decided up to a position."""
        rules, latest = DEFAULT_RULES, dict[tuple[int, ...], Decision]()
        for place in sorted(place for place in self.decided if place <= position):
            decided = self.decided[place]
            if isinstance(decided, RuleSet):
                rules = decided
            elif decided is not None:
                latest[decided.numbers] = decided
        in_force = sorted((each for each in latest.values() if each.position > 0), key=lambda each: each.position)
        trust = {**self.trust, **rules.trust}
        public = frozenset(uuid5(SPACE, name) for name, how in trust.items() if how == "public")
        return FixedPolicy(rules, 0, tuple(in_force), public)

    def _control(self) -> int:
        """Appends an event that is no touchpoint, and gives its position."""
        position = self.see({}, "control").position
        self.decided[position] = None
        return position

    def _sighting(self, kind: str, value: str) -> Sighting:
        namespace = GLOBAL if kind in ("email", "phone") else "shop"
        identifier = Identifier(kind, namespace, value)
        number = number_of(identifier)
        self.values[number] = identifier
        return Sighting(SELF, kind, namespace, number)

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """Events past `after`, as the log's reader gives them."""
        found = self.touchpoints[after : min(after + limit, up_to or len(self.touchpoints))]
        return [
            RecordedEvent(
                t.position,
                SPACE,
                t.position,
                CONTROL if t.position in self.decided else TOPIC,
                t.recorded_at,
                b"",
                None,
                None,
            )
            for t in found
        ]

    def head(self) -> Head:
        """The end of the log."""
        last = self.touchpoints[-1].recorded_at if self.touchpoints else None
        return Head(len(self.touchpoints), last, self.incarnation)

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints of the events; those in `poison` cannot be opened."""
        if self.poison & {event.position for event in events}:
            raise ValueError("a value of somebody")
        return [self.touchpoints[event.position - 1] for event in events if event.topic == TOPIC]

    def restored_to(self, position: int) -> World:
        """The log after it was restored to an earlier state and written on."""
        return dataclasses.replace(
            self,
            touchpoints=self.touchpoints[:position],
            decided={place: decided for place, decided in self.decided.items() if place <= position},
            incarnation=uuid5(SPACE, "again"),
        )

    def selected(self, at: float | None, position: int) -> World:
        """A log of its own that has only what came up to a position and is true `at` so many hours after the start."""
        world = self.restored_to(position)
        world.incarnation = uuid4()
        if at is not None:
            latest = START + timedelta(hours=at)
            late = [each.position for each in world.touchpoints if each.header.effective_at > latest]
            world.decided = {**dict.fromkeys(late), **world.decided}
        return world

    def engine(
        self,
        connection: Connected,
        projections: Sequence[Projection] | None = None,
        batch_size: int = 5_000,
        timezone: str = "Europe/Istanbul",
        at_once: bool = True,
    ) -> Engine:
        """An engine over this log. After one over another log, all begin at once with empty tables (`begin_again`)."""
        if at_once:
            begin_again(connection, self.incarnation)
        surroundings = self.surroundings(timezone)
        return Engine(connection, self, self, projections or found_projections(), surroundings, batch_size)

    def surroundings(self, timezone: str = "Europe/Istanbul") -> Surroundings:
        """The surroundings of projections over this log."""
        return Surroundings(ZoneInfo(timezone), self.look_up, self)

    def look_up(self, numbers: Iterable[int]) -> Mapping[int, Identifier | None]:
        """The vault's values."""
        return {number: self.values[number] for number in numbers}


def catch_up(engine: Engine) -> None:
    """Runs the engine until nothing is left."""
    while engine.step():
        pass


Dump = dict[str, list[tuple[Any, ...]]]


def dump(connection: Connected, projections: Iterable[Projection] | None = None) -> Dump:
    """All rows of all projections as text, in an order of their own: what live and replay must agree on."""
    tables = (
        f"{schema_of(projection)}.{table}"
        for projection in projections or found_projections()
        for table in relations(connection, schema_of(projection), "r")
    )
    return {table: _rows(connection, table) for table in tables}


def _rows(connection: Connected, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select row::text from {table} as row order by 1").fetchall()


def erase(connection: Connected) -> None:
    """Removes every projection from the database."""
    names = connection.execute(
        "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
    ).fetchall()
    for (name,) in names:
        connection.execute(f"drop schema {name} cascade")


def rows_of(connection: Connected, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return connection.execute(query, parameters).fetchall()
