-- Households, companies and other groups of people: what touchpoints say about them, and who was seen with them.

-- A touchpoint that names an account, of whoever it was.
create table if not exists joinings (
    position bigint not null,
    event_id text not null,
    account bigint not null,
    type text not null,
    namespace text not null,
    subject bigint,
    effective_at timestamptz not null,
    source uuid not null,
    channel text not null,
    primary key (position, account)
);

create index if not exists joinings_of_account
on joinings (account, subject, effective_at, event_id);

create index if not exists joinings_of_subject
on joinings (subject, effective_at, event_id);

-- What a group call says of its account, one value of one attribute each. None is ever overwritten.
create table if not exists claims (
    account bigint not null,
    attribute text not null,
    value jsonb not null,
    source uuid not null,
    event_id text not null,
    position bigint not null,
    occurred_at timestamptz not null,
    effective_at timestamptz not null,
    received_at timestamptz not null,
    primary key (position, account, attribute)
);

create index if not exists claims_of_account
on claims (account, attribute, effective_at, event_id);

-- The words of the names that were claimed.
create table if not exists namings (
    position bigint not null,
    account bigint not null,
    word text collate "C" not null,
    primary key (position, account, word)
);

create table if not exists accounts (
    account bigint not null,
    type text not null,
    namespace text not null,
    touchpoints bigint not null,
    first_seen timestamptz,
    last_seen timestamptz,
    primary key (account, type, namespace)
);

create index if not exists accounts_in_order
on accounts (first_seen, account);

-- By which words an account is found: those of every name that it ever had.
create table if not exists words (
    word text collate "C" not null,
    account bigint not null,
    namings bigint not null,
    primary key (word, account)
);
