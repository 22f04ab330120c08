create table if not exists orders (
    position bigint primary key,
    event_id text not null,
    subject bigint,
    order_reference text,
    day date not null,
    effective_at timestamptz not null,
    channel text not null,
    source uuid not null,
    brand text,
    currency text,
    gross numeric not null,
    units numeric not null
);

create index if not exists orders_of_day
on orders (day, channel, source);

create index if not exists orders_of_subject
on orders (subject, effective_at);

create table if not exists daily (
    day date not null,
    channel text not null,
    source uuid not null,
    currency text,
    orders bigint not null,
    units numeric not null,
    gross numeric not null,
    unique nulls not distinct (day, channel, source, currency)
);
