-- Whom a search finds: profiles by the words of their names, by where and when they were seen.

-- What profiles may have in common, with the number of those that have exactly this: a city (folded; empty where none is
-- known) and the places (channel and source, with a space between) in which they were ever seen.
create table if not exists combinations (
    combination bigint primary key,
    city text not null,
    places text[] not null,
    channels text[] not null,
    sources text[] not null,
    profiles bigint not null
);

create index if not exists combinations_of_nobody
on combinations (combination)
where profiles = 0;

create table if not exists people (
    profile text primary key,
    combination bigint not null,
    city text not null,
    places text[] not null
);

create index if not exists people_of_combination
on people (combination, profile);

-- The days on which a profile was seen, each with the position of the first touchpoint that says so. Rows are only ever
-- added, unless identity moves a subject: no row is written again because somebody was seen again.
create table if not exists days (
    profile text not null,
    day date not null,
    position bigint not null,
    primary key (profile, day) include (position)
);

create index if not exists days_in_order
on days (day, profile) include (position);

-- The name of a profile, folded as the key of the order (without a name it is the last of all), and all words by which it
-- is found, each with a space in front.
create table if not exists names (
    profile text primary key,
    name text,
    key text collate "C" not null,
    words text not null
);

create index if not exists names_in_order
on names (key, profile);

create table if not exists words (
    word text collate "C" not null,
    profile text not null,
    primary key (word, profile)
);
