create table if not exists claims (
    subject bigint not null,
    attribute text not null,
    value jsonb not null,
    source uuid not null,
    event_id text not null,
    position bigint not null,
    occurred_at timestamptz not null,
    effective_at timestamptz not null,
    received_at timestamptz not null,
    primary key (position, attribute)
);

create index if not exists claims_of_subject
on claims (subject, attribute);

-- What survives of each attribute as though nothing expired; it may be shown until `expires_at`. `standing` is how far
-- behind the source believed first the claim's source is, and more where it says nothing.
create table if not exists fields (
    profile text not null,
    attribute text not null,
    value jsonb not null,
    source uuid not null,
    event_id text not null,
    position bigint not null,
    occurred_at timestamptz not null,
    effective_at timestamptz not null,
    received_at timestamptz not null,
    expires_at timestamptz,
    standing integer not null,
    primary key (profile, attribute)
);
