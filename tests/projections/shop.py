"""A declared projection of all three kinds, for tests: order events, orders, purchases of a profile, rollups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from cdp.log.touchpoint import Touchpoint
from projections.contract import Surroundings
from projections.declared import Declared
from projections.entities import Entities
from projections.facts import Facts
from projections.rollups import EXACT, Figure, Rollup

TABLES = """
create table if not exists steps (
    position bigint primary key,
    event_id text not null,
    effective_at timestamptz not null,
    subject bigint,
    order_number text,
    step text not null,
    channel text,
    amount numeric
);
create index if not exists steps_of_order on steps (order_number);
create index if not exists steps_of_subject on steps (subject);

create table if not exists notes (
    event_id text not null,
    effective_at timestamptz not null,
    order_number text,
    line bigint not null,
    text text not null
);

create table if not exists orders (
    order_number text primary key,
    subject bigint,
    effective_at timestamptz not null,
    event_id text not null,
    day date not null,
    channel text,
    amount numeric,
    state text not null,
    notes text not null
);
create index if not exists orders_of_day on orders (day, channel);
create index if not exists orders_of_subject on orders (subject);

create table if not exists purchases (
    profile text not null,
    order_number text not null,
    day date not null,
    number bigint not null,
    amount numeric,
    primary key (profile, order_number)
);

create table if not exists daily (
    day date not null,
    channel text,
    orders bigint not null,
    amount numeric not null,
    states bigint not null,
    first_at timestamptz,
    least_amount numeric,
    last_at timestamptz,
    unique nulls not distinct (day, channel)
);
create table if not exists daily_states (
    day date not null,
    channel text,
    value text not null,
    rows bigint not null,
    unique nulls not distinct (day, channel, value)
);

create table if not exists customers (
    day date not null,
    purchases bigint not null,
    number bigint not null,
    profiles bigint not null,
    unique nulls not distinct (day)
);
create table if not exists customers_profiles (
    day date not null,
    value text not null,
    rows bigint not null,
    unique nulls not distinct (day, value)
);

create table if not exists states (
    day date not null,
    channel text,
    state text not null,
    orders bigint not null,
    amount numeric not null,
    unique nulls not distinct (day, channel, state)
);
create table if not exists states_of_days (
    day date not null,
    state text not null,
    channels bigint not null,
    unique nulls not distinct (day, state)
);
create table if not exists states_at_all (
    state text not null,
    days bigint not null,
    first_day date,
    unique nulls not distinct (state)
);
"""


class Step(NamedTuple):
    """Something that happened to an order."""

    position: int
    event_id: str
    effective_at: datetime
    subject: int | None
    order_number: str | None
    step: str
    channel: str | None
    amount: Decimal | None


class Note(NamedTuple):
    """One of the notes that came with a step."""

    event_id: str
    effective_at: datetime
    order_number: str | None
    line: int
    text: str


class Order(NamedTuple):
    """An order as it stands; its moment is that of its first step."""

    order_number: str
    subject: int | None
    effective_at: datetime
    event_id: str
    day: date
    channel: str | None
    amount: Decimal | None
    state: str
    notes: str


class Purchase(NamedTuple):
    """The number of an order among those of its profile."""

    profile: str
    order_number: str
    day: date
    number: int
    amount: Decimal | None


def steps(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[Step]:
    """The step of a touchpoint that is about an order."""
    header, properties = touchpoint.header, touchpoint.section("properties")
    if header.name.startswith("Order "):
        number, channel = properties.get("order_id"), header.channel if header.channel != "none" else None
        amount = properties.get("total")
        exact = None if amount is None else Decimal(amount)
        step = header.name.removeprefix("Order ")
        yield Step(touchpoint.position, header.id, header.effective_at, header.subject, number, step, channel, exact)


def notes(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[Note]:
    """The notes of a touchpoint."""
    header, properties = touchpoint.header, touchpoint.section("properties")
    for line, text in enumerate(properties.get("notes", ())):
        yield Note(header.id, header.effective_at, properties.get("order_id"), line, text)


def order(number: str, rows: Sequence[Step | Note]) -> Iterator[Order]:
    """An order: the last step says its state, the last amount given is its amount. A voided one has no row."""
    taken = [row for row in rows if isinstance(row, Step)]
    if not taken or taken[-1].step == "Voided":
        return
    first, last = taken[0], taken[-1]
    amounts = [row.amount for row in taken if row.amount is not None]
    said = " ".join(row.text for row in rows if isinstance(row, Note))
    yield Order(
        number,
        first.subject,
        first.effective_at,
        first.event_id,
        first.effective_at.date(),
        last.channel,
        EXACT.add(amounts[-1], Decimal(0)) if amounts else None,
        last.step,
        said,
    )


def purchases(profile: str, rows: Sequence[Order]) -> Iterator[Purchase]:
    """The orders of a profile, numbered."""
    for number, row in enumerate(rows, start=1):
        yield Purchase(profile, row.order_number, row.day, number, row.amount)


ORDERS = Entities("orders", Order, ("steps", "notes"), "order_number", order)
PURCHASES = Entities("purchases", Purchase, ("orders",), "profile", purchases, by_profile=True)
DAILY = Rollup(
    table="daily",
    source="orders",
    keys={"day": "date", "channel": "text"},
    count="orders",
    sums={"amount": "numeric"},
    least={"first_at": Figure("effective_at", "timestamptz"), "least_amount": Figure("amount", "numeric")},
    greatest={"last_at": Figure("effective_at", "timestamptz")},
    distinct={"states": Figure("state", "text")},
)
CUSTOMERS = Rollup(
    table="customers",
    source="purchases",
    keys={"day": "date"},
    count="purchases",
    sums={"number": "bigint"},
    distinct={"profiles": Figure("profile", "text")},
)
STATES = Rollup(
    table="states",
    source="orders",
    keys={"day": "date", "channel": "text", "state": "text"},
    count="orders",
    sums={"amount": "numeric"},
)
STATES_OF_DAYS = Rollup(
    table="states_of_days", source="states", keys={"day": "date", "state": "text"}, count="channels"
)
STATES_AT_ALL = Rollup(
    table="states_at_all",
    source="states_of_days",
    keys={"state": "text"},
    count="days",
    least={"first_day": Figure("day", "date")},
)

SHOP = Declared(
    name="shop",
    version=1,
    facts=(Facts("steps", Step, steps), Facts("notes", Note, notes)),
    entities=(ORDERS, PURCHASES),
    rollups=(DAILY, CUSTOMERS, STATES, STATES_OF_DAYS, STATES_AT_ALL),
    requires=("identity",),
)

Rows = dict[str, list[Any]]
