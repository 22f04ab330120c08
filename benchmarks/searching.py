"""How fast a search answers at a million profiles: the first page with its counts, and a page in the middle.

Run with `python -m benchmarks.searching`; `--write` puts the table into docs/search.md. The tables are filled by SQL
with synthetic people: names by rank, 81 cities of very different size, six channels, and days that get denser towards
now.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import quantiles
from uuid import UUID, uuid4

import psycopg
from rich.console import Console

from benchmarks.report import Report
from cdp.postgres.databases import CREATE
from cdp.postgres.embedded import EmbeddedServer
from projections.checkpoint import Checkpoint, make_tables, write_checkpoint
from projections.contract import Connected, schema_of
from projections.publication import install, publish
from projections.search.projection import PROJECTION
from projections.search.queries import Searcher
from projections.search.request import Days, Search

PEOPLE = 1_000_000
LAST_DAY = date(2026, 6, 30)
FIRST_NAMES = (
    "Ayşe Fatma Mehmet Mustafa Ahmet Ali Emine Hatice Zeynep Hüseyin Hasan İbrahim Elif İsmail Murat Osman Meryem "
    "Ömer Yusuf Şerife Sultan Ramazan Hanife Halil Süleyman Abdullah Merve Mahmut Recep Özlem Zehra Kübra Salih Gülsüm "
    "Fadime Yasemin Hacer Kadir Emre Hakan Adem Kemal Dilek Yaşar Songül Büşra Sevim Melek Ayten Aysel Bülent Metin "
    "Tuğba Esra Leyla Serkan Cemal Orhan Gökhan Ebru Selma Burak Derya Nurcan Uğur Bayram Işıl Çağla Irmak Umut Deniz"
)
LAST_NAMES = (
    "Yılmaz Kaya Demir Şahin Çelik Yıldız Yıldırım Öztürk Aydın Özdemir Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt "
    "Özkan Şimşek Polat Korkmaz Özcan Çakır Erdoğan Yavuz Can Acar Şen Aktaş Güler Yalçın Güneş Bozkurt Bulut Keskin "
    "Ünal Turan Gül Özer Işık Kaplan Avcı Sarı Tekin Taş Köse Yüksel Ateş Aksoy Uçar Karaca Türk Bilgin Erdem Duman"
)
_FOLDED = str.maketrans("İIıĞğÜüŞşÖöÇç", "iiigguussoocc")
PLACES = [
    f"{channel} {UUID(int=place)}"
    for place, channel in enumerate(
        ["web", "web", "mobile", "email", "store", "store", "call_center", "marketplace"], start=1
    )
]

_FILL = (
    """
    create temporary table drawn as
    select
        'p' || substr(translate(md5(number::text), 'abcdef', 'jkmnpq'), 1, 13) as profile,
        number,
        case when random() < 0.7 then power(random(), 1.7) end as first_name,
        power(random(), 1.7) as last_name,
        case when random() < 0.6 then 'city' || lpad(floor(81 * power(random(), 3))::text, 2, '0') else '' end as city,
        power(random(), 2) as lately
    from generate_series(1, %(people)s) as number
    """,
    """
    insert into search_v1.people (profile, combination, city, places)
    select profile, hashtextextended(city || '|' || array_to_string(places, '|'), 0), city, places
    from (
        select profile, city, array(
            select place
            from unnest(%(places)s::text[]) with ordinality as offered (place, rank)
            where random() < 0.7 / rank
                or rank = 1 + floor(8 * power(random(), 3))
                or (rank = 8 and drawn.number %% 5000 = 0)
                or (rank = 1 + drawn.number %% 4)
            order by place
        ) as places
        from drawn
    ) as seen
    """,
    """
    insert into search_v1.combinations (combination, city, places, channels, sources, profiles)
    select
        combination,
        city,
        places,
        array(select distinct split_part(place, ' ', 1) as channel from unnest(places) as place order by channel),
        array(select distinct split_part(place, ' ', 2) as source from unnest(places) as place order by source),
        profiles
    from (
        select combination, city, places, count(*) as profiles
        from search_v1.people
        group by combination, city, places
    ) as counted
    """,
    """
    insert into search_v1.names (profile, name, key, words)
    select profile, first || ' ' || last, coalesce(key_first || ' ' || key_last, chr(1114111)), coalesce(
        ' ' || least(key_first, key_last) || ' ' || greatest(key_first, key_last), ''
    )
    from (
        select
            profile,
            (%(first)s::text[])[1 + floor(first_name * %(firsts)s)] as first,
            (%(first_keys)s::text[])[1 + floor(first_name * %(firsts)s)] as key_first,
            (%(last)s::text[])[1 + floor(last_name * %(lasts)s)] as last,
            (%(last_keys)s::text[])[1 + floor(last_name * %(lasts)s)] as key_last
        from drawn
    ) as named
    """,
    """
    insert into search_v1.words (word, profile)
    select distinct unnest(string_to_array(ltrim(words), ' ')), profile
    from search_v1.names
    where words <> ''
    """,
    """
    insert into search_v1.days (profile, day, position)
    select profile, day, min(position)
    from (
        select
            profile,
            %(last_day)s::date - floor(730 * power(random(), 1 + 2 * lately))::int as day,
            number as position
        from drawn
        cross join generate_series(1, %(visits)s)
    ) as visits
    group by profile, day
    """,
)
_INDEXES = """
select format('drop index %s', indexrelid::regclass)
from pg_index
join pg_class on pg_class.oid = indrelid
where relnamespace = 'search_v1'::regnamespace
    and not indisprimary
"""
VISITS = 5


def main() -> None:
    """Fills the tables and measures."""
    parser = argparse.ArgumentParser(description="Search at a million profiles.")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--searches", type=int, default=30, help="how many of each kind")
    parser.add_argument("--home", type=Path, help="keep the filled database here, and use it if it is there")
    parser.add_argument("--write", action="store_true", help="update docs/search.md")
    options = parser.parse_args()
    report = Report("docs/search.md", ("search", "p50", "p95", "longest", "exact"))
    with tempfile.TemporaryDirectory(prefix="cdp-searching-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(options.home or Path(folder) / "home")
        with server.held(), connected(server, options.people) as connection:
            everything: list[float] = []
            for name, searches in kinds():
                times, exact = measure(connection, searches, options.searches)
                everything += times
                report.add(name, *figures(times), f"{exact:.0%}")
            report.add("all of these", *figures(everything), "")
        server.stop()
    Console().print(report.table())
    if options.write:
        report.write()


def connected(server: EmbeddedServer, people: int) -> Connected:
    """A connection to a read database that is filled."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        found = connection.execute("select 1 from pg_database where datname = 'searching'").fetchone()
        if not found:
            connection.execute(CREATE.format("searching").encode())
    connection = psycopg.connect(server.url("searching"), autocommit=True)
    if not found:
        fill(connection, people)
    return connection


def fill(connection: Connected, people: int) -> None:
    """Makes a million people; the keys and indexes last."""
    began = time.perf_counter()
    make_tables(connection)
    install(connection, PROJECTION)
    for (statement,) in connection.execute(_INDEXES).fetchall():
        connection.execute(statement)
    keys = connection.execute(
        "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
        " where connamespace = 'search_v1'::regnamespace and contype = 'p'"
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f"alter table {table} drop constraint {name}".encode())
    first, last = FIRST_NAMES.split(), LAST_NAMES.split()
    chosen = {
        "people": people,
        "places": PLACES,
        "first": first,
        "first_keys": [name.translate(_FOLDED).lower() for name in first],
        "firsts": len(first),
        "last": last,
        "last_keys": [name.translate(_FOLDED).lower() for name in last],
        "lasts": len(last),
        "last_day": LAST_DAY,
        "visits": VISITS,
    }
    connection.execute("select setseed(0.5)")
    for statement in _FILL:
        psycopg.ClientCursor(connection).execute(statement, chosen)
    for table, name, definition in keys:
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())
    install(connection, PROJECTION)
    with connection.transaction():
        publish(connection, PROJECTION.name, schema_of(PROJECTION))
    first_of_all = Checkpoint(PROJECTION.name, PROJECTION.version, schema_of(PROJECTION), "", uuid4(), 10**9)
    write_checkpoint(connection, replace(first_of_all, live=True, published=True))
    connection.execute("vacuum analyze")
    Console(stderr=True).print(f"filled {schema_of(PROJECTION)} in {time.perf_counter() - began:.0f} s")


def kinds() -> Iterator[tuple[str, Callable[[random.Random], Search]]]:
    """Kinds of searches, each with how one is made."""
    first = [name.translate(_FOLDED).lower() for name in FIRST_NAMES.split()]
    last = [name.translate(_FOLDED).lower() for name in LAST_NAMES.split()]

    def city(chance: random.Random) -> str:
        return f"city{int(81 * chance.random() ** 2):02}"

    def source(chance: random.Random) -> UUID:
        return UUID(int=chance.randint(1, 8))

    def channel(chance: random.Random) -> str:
        return chance.choice(PLACES).split()[0]

    def name(chance: random.Random) -> str:
        return chance.choice(first)

    def surname(chance: random.Random) -> str:
        return chance.choice(last)

    def days(chance: random.Random) -> Days:
        start = LAST_DAY - timedelta(int(700 * chance.random() ** 2))
        return Days(start, start + timedelta(chance.choice([0, 6, 30, 365])))

    yield "everybody, by last seen", lambda chance: Search()
    yield "everybody, by name", lambda chance: Search(order="name")
    yield "one letter of a name", lambda chance: Search(name=name(chance)[0], order=_order(chance))
    yield "three letters of a name", lambda chance: Search(name=surname(chance)[:3], order=_order(chance))
    yield "«ays yil»", lambda chance: Search(name=f"{name(chance)[:3]} {surname(chance)[:3]}", order=_order(chance))
    yield "a letter each of two names", lambda chance: Search(name=f"{name(chance)[0]} {surname(chance)[0]}")
    yield "a channel", lambda chance: Search(channel=channel(chance), order=_order(chance))
    yield "a source", lambda chance: Search(source=source(chance), order=_order(chance))
    yield "a city", lambda chance: Search(city=city(chance), order=_order(chance))
    yield "a city and a channel", lambda chance: Search(city=city(chance), channel=channel(chance))
    yield "last seen between two days", lambda chance: Search(last_seen=days(chance), order=_order(chance))
    yield "first seen between two days", lambda chance: Search(first_seen=days(chance), order=_order(chance))
    yield (
        "a name, a city, a channel",
        lambda chance: Search(name=name(chance)[:3], city=city(chance), channel=channel(chance)),
    )
    yield "a name and last seen", lambda chance: Search(name=surname(chance)[:4], last_seen=days(chance))
    yield (
        "a city, first and last seen",
        lambda chance: Search(city=city(chance), first_seen=days(chance), last_seen=days(chance)),
    )


def _order(chance: random.Random) -> str:
    return chance.choice(["last_seen", "name"])


def measure(connection: Connected, make: Callable[[random.Random], Search], searches: int) -> tuple[list[float], float]:
    """Milliseconds of first pages with their counts and of second pages; and the share of exact counts."""
    chance = random.Random(7)
    times, exact = [], 0
    for _ in range(searches):
        search = make(chance)
        began = time.perf_counter()
        with connection.transaction():
            searcher = Searcher(connection, search)
            page = searcher.page(50)
            exact += searcher.count().exact
        times.append((time.perf_counter() - began) * 1000)
        if page.next:
            began = time.perf_counter()
            with connection.transaction():
                Searcher(connection, search, page.next).page(50)
            times.append((time.perf_counter() - began) * 1000)
    return times, exact / searches


def figures(times: list[float]) -> tuple[str, str, str]:
    """Median, the time that 95 of 100 keep, and the longest."""
    parts = quantiles(times, n=20, method="inclusive")
    return f"{parts[9]:.0f} ms", f"{parts[18]:.0f} ms", f"{max(times):.0f} ms"


if __name__ == "__main__":
    main()
