"""`python -m benchmarks.batch`: the archive of a real year, and the sales rollups built from it, beside DuckDB.

The log has the year of Complete Journey, taken in by the intake. It is archived and verified; then Apache Beam builds
the rollups of sales from the archive by the functions that run live, and DuckDB adds up the same totals straight
from the same files with queries written for this purpose. Both must come to the same figures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import duckdb
import msgspec
from rich.console import Console

from api.demo.complete_journey import CompleteJourney
from benchmarks.catching_up import homed
from benchmarks.report import Report
from cdp.ingest.delivery import Delivery, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.split import Split
from cdp.platform import Platform
from cdp.settings import Settings
from pipelines.archive.verifying import verify
from pipelines.archive.writing import archive
from pipelines.identity import memberships_at
from pipelines.kinds import row_kind
from pipelines.memberships import save_memberships
from pipelines.output import Rebuilt
from pipelines.plan import Plan, tables_of
from pipelines.rebuilding import carry_out
from pipelines.runner import Beam
from projections.contract import Surroundings
from projections.sales.projection import PROJECTION
from projections.sales.rows import ORDERS_OF

TRANSACTION = 2_000
WITHIN = 6.0
QUERIES = Path(__file__).with_name("year.sql").read_text()
TABLES = tables_of(PROJECTION)
ROLLUPS = tuple(rollup.table for rollup in PROJECTION.rollups)
COUNTS = dict.fromkeys(rollup.count for rollup in PROJECTION.rollups)

T = TypeVar("T")


class Took(NamedTuple):
    """Seconds on the clock, and seconds of the processor in this process."""

    wall: float
    cpu: float


class Total(NamedTuple):
    """What a rollup comes to: how many groups, and what their columns add up to."""

    groups: int
    sums: tuple[Decimal | int, ...]


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.batch", description=__doc__)
    parser.add_argument("--home", type=Path, help="keep the log here, and use the one that is here already")
    parser.add_argument("--options", default="", help="options for Apache Beam")
    parser.add_argument("--write", action="store_true", help="update docs/pipelines.md")
    options = parser.parse_args()
    report = Report("docs/pipelines.md", ("what", "seconds", "of processor", "needed"))
    with homed(options.home) as home, working() as work, Platform.open(Settings(home=home)) as platform:
        fill(platform)
        measure(platform, work, Beam(options.options), report)
    Console().print(report.table())
    if options.write:
        report.write()


@contextmanager
def working() -> Iterator[Path]:
    """A folder for the archive and what is built from it."""
    with tempfile.TemporaryDirectory(prefix="cdp-bench-") as folder:
        yield Path(folder)


def fill(platform: Platform) -> None:
    """Puts the baskets of the year into the log, unless it has them."""
    if platform.reader.head().position:
        return
    credential = platform.registry.credential(platform.sources.add("tills", channel="store", actor="benchmark"))
    assert credential is not None
    intake = Intake(
        platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
    )
    baskets = CompleteJourney.installed().baskets()
    while items := list(islice(baskets, TRANSACTION)):
        split = Split([msgspec.json.encode(item) for item in items], {}, None)
        intake.take([Delivery(new_delivery_id(), credential, datetime.now(UTC), b"", None, split)])


def measure(platform: Platform, work: Path, beam: Beam, report: Report) -> None:
    """Archives, verifies, and builds both ways."""
    folder, head = work / "archive", platform.reader.head().position

    def add(what: str, took: Took, needed: str = "") -> None:
        report.add(what, f"{took.wall:.1f}", f"{took.cpu:.1f}", needed)

    archived, took = timed(lambda: archive(platform.reader, folder))
    size = sum(segment.bytes for segment in archived.manifest.segments)
    add(f"archive of {head:,} events, {size / head:,.0f} bytes each in the end", took)
    add("comparing every byte of it with the log", timed(lambda: verify(platform.reader, folder))[1])
    surroundings = Surroundings(ZoneInfo(platform.settings.timezone), platform.vault.values, platform.policies)
    memberships, took = timed(lambda: memberships_at(folder, head, surroundings, work / "identity", beam))
    add(f"{len(memberships):,} memberships from the archive's sightings", took)
    save_memberships(work / "memberships", memberships)
    rebuilt, batch = timed(lambda: rebuild(folder, work, head, platform.settings.timezone, beam))
    add(f"the {len(ROLLUPS)} rollups of sales by Apache Beam", batch)
    totals, yardstick = timed(lambda: by_duckdb(folder, platform.settings.timezone))
    add("the same totals by DuckDB from the same files", yardstick)
    compare(rebuilt, totals)
    clock, processor = batch.wall / yardstick.wall, batch.cpu / yardstick.cpu
    report.add("Beam's time as a multiple of DuckDB's", f"{clock:.1f} ×", f"{processor:.1f} ×", f"{WITHIN:g} ×")


def rebuild(folder: Path, work: Path, head: int, timezone: str, beam: Beam) -> Rebuilt:
    """The rollups from the archive. Nothing is compared, so no digests are made."""
    wanted = {name: TABLES[name].key or () for name in ROLLUPS}
    memberships = str(work / "memberships")
    output = str(work / "rebuilt")
    plan = Plan(PROJECTION, wanted, timezone, head, output, memberships=memberships, digests=False)
    return carry_out(folder, plan, beam)


def by_duckdb(folder: Path, timezone: str) -> dict[str, Total]:
    """What each rollup comes to, by SQL over the archive."""
    connection = duckdb.connect()
    connection.execute(f"set TimeZone = '{timezone}'")
    connection.execute(f"set variable files = '{folder}/*.parquet'")
    connection.execute(QUERIES)
    return {name: _total(connection, name) for name in ROLLUPS}


def compare(rebuilt: Rebuilt, totals: dict[str, Total]) -> None:
    """Both must come to the same, group by group in number and to the last digit in sum."""
    for name, expected in totals.items():
        columns = list(TABLES[name].columns)
        found = list(rebuilt.rows(name, row_kind(TABLES[name].columns)))
        places = [columns.index(each) for each in _summed(name)]
        total = Total(len(found), tuple(sum((row[place] for row in found), Decimal(0)) for place in places))
        assert total == expected, f"{name}: batch has {total}, DuckDB {expected}"


def timed(work: Callable[[], T]) -> tuple[T, Took]:
    """What something gives, and how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Took(time.perf_counter() - wall, time.process_time() - cpu)


def _total(connection: Any, table: str) -> Total:
    sums = ", ".join(f"sum({name})" for name in _summed(table))
    groups, *summed = connection.execute(f"select count(*), {sums} from {table}").fetchone()
    return Total(groups, tuple(summed))


def _summed(table: str) -> list[str]:
    """The columns of a rollup whose sums are compared: counts of rows, orders and customers, and the amount."""
    return [name for name in (*COUNTS, "amount", *ORDERS_OF.values()) if name in TABLES[table].columns]


if __name__ == "__main__":
    main()
