"""The figures once more, by DuckDB from an export of the facts: another program that shares nothing with ours."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from projections.contract import Connected

_FACTS = """
select order_key, kind, effective_at, event_id, subject, day, source, channel, currency, total, refund, lines
from sales.order_facts
"""
_MEMBERSHIPS = """
select
    subject,
    profile,
    coalesce(nullif(from_at, '-infinity'), '0002-01-01Z') as from_at,
    from_event,
    coalesce(nullif(to_at, 'infinity'), '9000-01-01Z') as to_at,
    to_event
from identity.memberships
"""
_ORDERS = """
create table orders as
with naming as (
    select *, case kind when 'completed' then 1 when 'updated' then 2 else 3 end as rank from facts
),
firsts as (
    select
        order_key,
        first(channel order by rank, effective_at, event_id) as channel,
        first(day order by rank, effective_at, event_id) as day,
        first(currency order by rank, effective_at, event_id) filter (where currency is not null) as first_currency,
        first(subject order by rank, effective_at, event_id) filter (where subject is not null) as subject,
        first(effective_at order by rank, effective_at, event_id) filter (where subject is not null) as at,
        first(event_id order by rank, effective_at, event_id) filter (where subject is not null) as event
    from naming
    group by order_key
),
updates as (
    select
        order_key,
        last(total order by effective_at, event_id) as total,
        last(currency order by effective_at, event_id) as currency
    from facts
    where kind = 'updated' and total is not null
    group by order_key
),
completions as (
    select
        order_key,
        first(total order by effective_at, event_id) as total,
        first(currency order by effective_at, event_id) as currency
    from facts
    where kind = 'completed' and total is not null
    group by order_key
)
select
    firsts.*,
    case when updates.order_key is not null then updates.total else completions.total end as gross,
    coalesce(
        case when updates.order_key is not null then updates.currency else completions.currency end, first_currency
    ) as currency
from firsts
left join updates using (order_key)
left join completions using (order_key);

create table refunds as
with named as (
    select
        order_key,
        refund,
        first(total order by effective_at, event_id) as total,
        first(currency order by effective_at, event_id) as currency
    from facts
    where kind = 'refunded' and total is not null and refund is not null
    group by order_key, refund
),
reports as (
    select order_key, total, currency, source, 1 as report
    from facts
    where kind = 'refunded' and total is not null and refund is null
    union all
    select order_key, named.total, named.currency, source, 1
    from (
        select distinct order_key, refund, source
        from facts
        where kind = 'refunded' and total is not null
    ) as reporting
    join named using (order_key, refund)
),
by_source as (
    select order_key, total, currency, source, count(*) as reported
    from reports
    group by all
),
by_name as (
    select order_key, total, currency, count(*) as names
    from named
    group by all
)
select
    by_source.order_key,
    by_source.total,
    by_source.currency,
    greatest(max(reported), coalesce(any_value(names), 0)) as times
from by_source
left join by_name on by_source.order_key = by_name.order_key
    and by_source.total = by_name.total
    and by_source.currency is not distinct from by_name.currency
group by all;

create table stated as
select
    refunds.order_key,
    coalesce(refunds.currency, orders.currency) as currency,
    sum(refunds.total * times) as refunded
from refunds
join orders on orders.order_key = refunds.order_key
group by all;

create table whole as
select
    orders.order_key,
    orders.currency,
    greatest(0, coalesce(gross, 0) - coalesce(refunded, 0)) as refunded
from orders
left join stated on stated.order_key = orders.order_key and stated.currency is not distinct from orders.currency
where orders.order_key in (select order_key from facts where kind = 'refunded' and total is null);

create table given_back as
select order_key, currency, sum(refunded) as refunded
from (from stated union all from whole)
group by all;

create table cancelled as
select
    orders.order_key,
    orders.currency,
    greatest(0, coalesce(gross, 0) - coalesce(refunded, 0)) as cancelled
from orders
left join given_back
    on given_back.order_key = orders.order_key
    and given_back.currency is not distinct from orders.currency
where orders.order_key in (select order_key from facts where kind = 'cancelled');

create table owned as
select orders.*, profile
from orders
left join memberships on memberships.subject = orders.subject
    and (orders.at, orders.event) >= (from_at, from_event)
    and (orders.at, orders.event) < (to_at, to_event);

create table customers as
select
    *,
    case
        when profile is null then 'unknown'
        when exists (
            from owned as earlier
            where earlier.profile = owned.profile
                and earlier.gross > 0
                and (earlier.at, earlier.event) < (owned.at, owned.event)
        ) then 'returning'
        else 'new'
    end as customer
from owned;

create table sold as
with listings as (
    select
        order_key,
        coalesce(
            last(lines order by effective_at, event_id) filter (where kind = 'updated' and lines is not null),
            first(lines order by effective_at, event_id) filter (where kind = 'completed' and lines is not null)
        ) as lines
    from facts
    group by order_key
),
listed as (
    select order_key, unnest(lines::json[]) as line
    from listings
)
select
    customers.*,
    line ->> '$[0]' as product,
    line ->> '$[1]' as category,
    line ->> '$[2]' as product_brand,
    line ->> '$[3]' as department
from listed
join customers using (order_key)
where gross is not null
    and (line ->> '$[4]')::decimal(24, 6) > 0
    and (line ->> '$[5]')::decimal(24, 6) > 0;
"""


def recomputed(connection: Connected) -> duckdb.DuckDBPyConnection:
    """A DuckDB that has folded the exported facts: `customers` (orders), `given_back`, `cancelled`, `sold` (lines)."""
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    for name, query in (("facts", _FACTS), ("memberships", _MEMBERSHIPS)):
        duck.register(f"{name}_export", exported(connection, query))
        duck.execute(f"create table {name} as from {name}_export")
    duck.execute(_ORDERS)
    return duck


_TYPES: dict[str, Any] = {
    "effective_at": pa.timestamp("us", "UTC"),
    "from_at": pa.timestamp("us", "UTC"),
    "to_at": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
    "total": pa.decimal128(24, 6),
    "subject": pa.int64(),
}


def exported(connection: Connected, query: str) -> pa.Table:
    """The rows of a query as an Arrow table."""
    cursor = connection.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    rows = cursor.fetchall()
    columns = [
        pa.array([str(row[at]) if name == "source" else row[at] for row in rows], _TYPES.get(name, pa.string()))
        for at, name in enumerate(names)
    ]
    return pa.table(columns, names=names)
