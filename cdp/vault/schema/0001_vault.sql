-- The vault: identifiers under random numbers, and the keys of everything personal in the log.
-- No identifier and no key stands here in plaintext. Rows of destroyed things stay as tombstones.

-- One row: which key ring this vault belongs to, and which versions of its keys are in use. Whatever mints locks the
-- row `for share` and names the values that it knows, so nothing is ever minted under versions that were replaced.
create table vault_head (
    one boolean primary key default true check (one),
    ring uuid not null,
    ring_check bytea not null,
    generation bigint not null default 1,
    master_version integer not null,
    pepper_version integer not null,
    previous_pepper integer,
    created_at timestamptz not null default now()
);

-- An identifier's number. `lookup` is the keyed hash by which it is found; one without is found no more, so that the
-- same value seen again gets another number. The value is sealed under a key of its own, which the master key wraps.
create table identifier (
    number bigint primary key check (number > 0),
    lookup bytea unique,
    pepper_version integer not null,
    type text not null,
    namespace text not null,
    normaliser integer not null,
    master_version integer not null,
    wrapped bytea,
    sealed bytea,
    created_at timestamptz not null default now(),
    destroyed_at timestamptz,
    check ((destroyed_at is null) = (wrapped is not null)),
    check ((destroyed_at is null) = (sealed is not null)),
    check (destroyed_at is null or lookup is null)
);

-- A subject is a set of identifiers' numbers; `members` is a digest of the set. No foreign keys in this schema:
-- rows are minted by one module only and never deleted, and the checks would cost more than the rest of a minting.
create table subject (
    number bigint primary key check (number > 0),
    members bytea not null unique,
    created_at timestamptz not null default now()
);

create table subject_member (
    subject bigint not null,
    identifier bigint not null,
    primary key (identifier, subject)
);

-- The key of a subject, of a subject's day, or of a source's day (touchpoints that name nobody). `slot` is a digest of
-- which of them it is: one of each lives at a time, and a destroyed key gives its slot up to a successor.
create table subject_key (
    id bigint primary key check (id > 0),
    slot bytea unique,
    subject bigint,
    source uuid,
    day date,
    master_version integer not null,
    wrapped bytea,
    created_at timestamptz not null default now(),
    destroyed_at timestamptz,
    check ((subject is null) <> (source is null)),
    check (source is null or day is not null),
    check ((destroyed_at is null) = (wrapped is not null)),
    check ((destroyed_at is null) = (slot is not null))
);

-- The key of one source's data of one field class in one month, unique for ever: once destroyed it is never minted again.
create table period_key (
    id bigint primary key check (id > 0),
    source uuid not null,
    class text not null,
    month date not null check (extract(day from month) = 1),
    master_version integer not null,
    wrapped bytea,
    created_at timestamptz not null default now(),
    destroyed_at timestamptz,
    unique (source, month, class),
    check ((destroyed_at is null) = (wrapped is not null))
);
