create table if not exists identifiers (
    number bigint primary key,
    type text not null,
    namespace text not null,
    blocked boolean not null,
    verdict text,
    server boolean not null,
    in_turns boolean not null,
    first_position bigint not null,
    profile text
);

create index if not exists identifiers_in_turns
on identifiers (number)
where in_turns;

create table if not exists sightings (
    subject bigint not null,
    source uuid not null,
    numbers bigint[] not null,
    first_at timestamptz not null,
    first_event text not null,
    primary key (subject, source)
);

create table if not exists links (
    number bigint not null,
    subject bigint not null,
    primary key (number, subject)
);

create table if not exists authentications (
    subject bigint not null,
    effective_at timestamptz not null,
    event_id text not null
);

create index if not exists authentications_of_subject
on authentications (subject);

create table if not exists memberships (
    subject bigint not null,
    from_at timestamptz not null,
    from_event text not null,
    to_at timestamptz not null,
    to_event text not null,
    profile text not null,
    primary key (subject, from_at, from_event)
);

create index if not exists memberships_of_profile
on memberships (profile);
