create table if not exists identifiers (
    number bigint primary key,
    type text not null,
    namespace text not null,
    blocked boolean not null,
    first_position bigint not null,
    profile text
);

create index if not exists identifiers_of_profile
on identifiers (profile);

create table if not exists subjects (
    subject bigint primary key,
    numbers bigint[] not null,
    exclusive boolean not null,
    shareable boolean not null
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

create index if not exists memberships_in_turns
on memberships (subject)
where from_at <> '-infinity';
