-- The log: every event in one order without gaps, and beside it what makes ingest exact.

create table log_head (
    only_row boolean primary key default true check (only_row),
    incarnation uuid not null default gen_random_uuid(),
    position bigint not null default 0,
    recorded_at timestamptz not null default '-infinity',
    vault_generation bigint not null default 0
);
insert into log_head default values;

-- `redacted` names the parts that were replaced by their SHA-256 digest: `business`, or a field class of `personal`.
create table event (
    position bigint primary key,
    originator_id uuid not null,
    originator_version bigint not null,
    topic text not null,
    recorded_at timestamptz not null,
    header bytea not null,
    business bytea,
    personal bytea,
    redacted text[],
    unique (originator_id, originator_version)
) with (toast_tuple_target = 8160, autovacuum_freeze_max_age = 1000000000);
alter table event alter column header set storage external;
alter table event alter column business set storage external;
alter table event alter column personal set storage external;

-- Aggregates are few among the touchpoints; whoever folds them must not scan the whole log.
create index event_control on event (position) where topic <> 'touchpoint.v1';

-- The last version that `append` gave out for a stream.
create table stream (
    originator_id uuid primary key,
    version bigint not null
);

-- Known for ever: the keyed hash of (source, message id), where it was stored, and the fingerprint that tells a
-- repetition from a conflict.
create table dedupe (
    message bytea primary key,
    position bigint not null,
    fingerprint bytea not null
);

-- One row a delivery. `received` is counted by the splitter. `items` has an entry for each item in order: the position
-- where it was accepted, minus the position of the first where it is a duplicate, 0 where it went elsewhere.
create table delivery (
    delivery_id uuid primary key,
    source_id uuid not null,
    credential_id text not null,
    received_at timestamptz not null,
    received integer not null,
    items bigint[] not null
);

create table quarantine (
    quarantine_id uuid primary key,
    source_id uuid not null,
    delivery_id uuid not null,
    item integer not null,
    received_at timestamptz not null,
    stage text not null,
    reason text not null,
    key_id bigint not null,
    sealed bytea not null
);
create index quarantine_source on quarantine (source_id, received_at);

-- received = accepted + duplicate + quarantined + suppressed + discarded, for each source, always.
create table outcome_count (
    source_id uuid primary key,
    received bigint not null default 0,
    accepted bigint not null default 0,
    duplicate bigint not null default 0,
    quarantined bigint not null default 0,
    suppressed bigint not null default 0,
    discarded bigint not null default 0
);
