-- How good what a source sends is: counts only, never a value.

-- What touchpoints may have in common: sorted fields, each with its kind in front: `trait:city`, `flag:late:1d`.
create table if not exists shapes (
    shape bytea primary key,
    fields text[] not null
);

-- Touchpoints by the day of their effective time.
create table if not exists daily (
    source uuid not null,
    day date not null,
    name text not null,
    shape bytea not null,
    touchpoints bigint not null,
    primary key (source, day, name, shape)
);

-- Deliveries by the hour in which they were received, without which nobody knows a source's rhythm.
create table if not exists hours (
    source uuid not null,
    hour timestamptz not null,
    deliveries bigint not null,
    primary key (source, hour)
);

create table if not exists sources (
    source uuid primary key,
    touchpoints bigint not null,
    first_received timestamptz not null,
    last_received timestamptz not null,
    last_occurred timestamptz not null,
    last_delivery uuid not null
);
