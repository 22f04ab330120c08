create table if not exists touchpoints (
    position bigint primary key,
    event_id text not null,
    subject bigint,
    effective_at timestamptz not null,
    occurred_at timestamptz not null,
    received_at timestamptz not null,
    source uuid not null,
    channel text not null,
    name text not null,
    summary text not null
);

-- Filters on the last columns are judged in the index: of somebody's 20,000 touchpoints only those wanted are fetched.
create index if not exists touchpoints_of_subject
on touchpoints (subject, effective_at, event_id, channel, source, name, position);
