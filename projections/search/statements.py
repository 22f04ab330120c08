"""Search's statements: set-wise, and only for what a batch touched.

What is looked up by key is written as a lateral subquery with `offset 0` or a limit, which is always carried out key by
key: a plan that reads a whole table for a batch would make catching up a matter of the square of the log.
"""

from __future__ import annotations

from collections.abc import Mapping

FIELDS = """
with changed as (
    select distinct profile
    from {profiles}.claims
    cross join lateral (
        select profile
        from {identity}.memberships
        where memberships.subject = claims.subject
        offset 0
    ) as holder
    where position > %(after)s
        and position <= %(position)s
        and attribute = any(%(attributes)s)
    union
    select unnest(%(others)s::text[])
)
select profile, attribute, value
from changed
left join lateral (
    select attribute, value
    from {profiles}.fields
    where fields.profile = changed.profile
        and attribute = any(%(attributes)s)
    offset 0
) as said
    on true
"""
"""What the fields of the profiles say whose fields the batch may have changed, and what those of some others say."""

SHOWN = """
select distinct profile
from {profiles}.fields
where attribute = any(%s)
"""
"""The profiles that show one of some attributes."""

HOLDERS = """
select subject, nullif(from_at, '-infinity'), from_event, nullif(to_at, 'infinity'), to_event, profile
from {identity}.memberships
where subject = any(%s::bigint[])
"""
"""Whose the touchpoints of subjects are, and from when to when."""

STATES = """
select people.profile, newest.day, places
from unnest(%s::text[]) as wanted (profile)
cross join lateral (
    select profile, places
    from {search}.people
    where people.profile = wanted.profile
    limit 1
) as people
cross join lateral (
    select day
    from {search}.days
    where days.profile = wanted.profile
    order by day desc
    limit 1
) as newest
"""
"""The last day on which profiles were seen, and where they ever were."""

LATE = """
insert into {search}.days (profile, day, position)
select *
from unnest(%s::text[], %s::date[], %s::bigint[])
on conflict (profile, day)
do nothing
"""
"""Days before the last one known; in the order of the log the first touchpoint of a day stays the first."""

RETELL = """
with moved as materialized (
    select unnest(%(moved)s::text[]) as profile
),
retold as materialized (
    select
        profile,
        (effective_at at time zone %(timezone)s)::date as day,
        channel || ' ' || source as place,
        min(position) as position
    from moved
    cross join lateral (
        select subject, from_at, from_event, to_at, to_event
        from {identity}.memberships
        where memberships.profile = moved.profile
        offset 0
    ) as membership
    cross join lateral (
        select position, effective_at, channel, source
        from {timeline}.touchpoints
        where touchpoints.subject = membership.subject
            and (effective_at, event_id) >= (from_at, from_event)
            and (effective_at, event_id) < (to_at, to_event)
            and position <= %(position)s
        offset 0
    ) as touchpoint
    group by profile, day, place
),
retold_days as materialized (
    select profile, day, min(position) as position
    from retold
    group by profile, day
),
known_days as materialized (
    select profile, day, position
    from moved
    cross join lateral (
        select day, position
        from {search}.days
        where days.profile = moved.profile
        offset 0
    ) as known
),
no_longer as (
    delete from {search}.days
    using (
        select profile, day
        from known_days
        except
        select profile, day
        from retold_days
    ) as superfluous
    where days.profile = superfluous.profile
        and days.day = superfluous.day
),
written as (
    insert into {search}.days (profile, day, position)
    select *
    from retold_days
    except
    select *
    from known_days
    on conflict (profile, day)
    do update set position = excluded.position
)
select profile, array_agg(distinct place order by place)
from retold
group by profile
"""
"""Brings the days of moved profiles up to what all their touchpoints say; gives the places of those that have any."""

PLACE = """
with changed as materialized (
    select
        given.profile,
        known.combination as old_combination,
        known.city as old_city,
        known.places as old_places,
        is_retold and added is null as is_gone,
        coalesce(given.city, known.city, '') as city,
        case
            when added is null then known.places
            when is_retold or known.places is null then string_to_array(added, '|')
            else array(
                select distinct place
                from unnest(known.places || string_to_array(added, '|')) as place
                order by place
            )
        end as places
    from unnest(%(profiles)s::text[], %(places)s::text[], %(retold)s::bool[], %(cities)s::text[])
        as given (profile, added, is_retold, city)
    left join lateral (
        select combination, city, places
        from {search}.people
        where people.profile = given.profile
        limit 1
    ) as known
        on true
    where known.places is not null or added is not null
),
gone as (
    delete from {search}.people
    using changed
    where people.profile = changed.profile
        and is_gone
),
written as (
    insert into {search}.people as known (profile, combination, city, places)
    select profile, hashtextextended(city || '|' || array_to_string(places, '|'), 0), city, places
    from changed
    where not is_gone
        and (city, places) is distinct from (old_city, old_places)
    on conflict (profile)
    do update set
        combination = excluded.combination,
        city = excluded.city,
        places = excluded.places
    returning profile, combination, city, places
),
difference as (
    select combination, city, places, sum(profiles) as profiles
    from (
        select combination, city, places, 1 as profiles
        from written
        union all
        select old_combination, old_city, old_places, -1
        from changed
        where old_combination is not null
            and (is_gone or (city, places) is distinct from (old_city, old_places))
    ) as changes
    group by combination, city, places
    having sum(profiles) <> 0
),
counted as (
    insert into {search}.combinations as present (combination, city, places, channels, sources, profiles)
    select
        combination,
        city,
        places,
        array(select distinct split_part(place, ' ', 1) as channel from unnest(places) as place order by channel),
        array(select distinct split_part(place, ' ', 2) as source from unnest(places) as place order by source),
        profiles
    from difference
    on conflict (combination)
    do update set profiles = present.profiles + excluded.profiles
),
nameless as (
    insert into {search}.names (profile, name, key, words)
    select profile, null, %(nameless)s, ''
    from changed
    where old_combination is null
        and not is_gone
)
select profile
from changed
where is_gone
"""
"""Brings people and combinations up to date: `places` were added, or are all there are of one that is retold; `cities`
are new ones. Gives the profiles that have no touchpoint any more."""

TIDY = """
delete from {search}.combinations
where profiles = 0
"""

NAME = """
with renamed as materialized (
    select profile, called.name, called.key, called.words, known.words as old_words
    from unnest(%(profiles)s::text[], %(names)s::text[], %(keys)s::text[], %(words)s::text[])
        as called (profile, name, key, words)
    cross join lateral (
        select name, key, words
        from {search}.names
        where names.profile = called.profile
        limit 1
    ) as known
    where (called.name, called.key, called.words) is distinct from (known.name, known.key, known.words)
),
changed_words as materialized (
    select profile, word, bool_or(is_new) as is_new
    from (
        select profile, unnest(string_to_array(ltrim(words), ' ')) as word, true as is_new
        from renamed
        union all
        select profile, unnest(string_to_array(ltrim(old_words), ' ')), false
        from renamed
    ) as either
    group by profile, word
    having bool_or(is_new) <> bool_or(not is_new)
),
dropped as (
    delete from {search}.words
    using changed_words
    where words.word = changed_words.word
        and words.profile = changed_words.profile
        and not is_new
),
added as (
    insert into {search}.words (word, profile)
    select word, profile
    from changed_words
    where is_new
),
gone as (
    delete from {search}.names
    using renamed
    where names.profile = renamed.profile
        and renamed.key is null
)
update {search}.names
set name = renamed.name, key = renamed.key, words = renamed.words
from renamed
where names.profile = renamed.profile
    and renamed.key is not null
"""
"""Changes names and their words; a profile whose key is null is gone."""


def in_schemas(statement: str, schemas: Mapping[str, str]) -> str:
    """The statement with the database schemas of the projections that it names."""
    return statement.format_map(schemas)
