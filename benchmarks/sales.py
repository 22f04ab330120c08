"""`python -m benchmarks.sales`: how fast sales are built, and how fast every kind of view over a real year answers.

The year is a grocery's 155,848 baskets with 1.47 million lines, put in by the intake. The yardstick is DuckDB straight
over the data set's own Parquet file, asked for the same figures where it has them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import duckdb
import msgspec
from rich.console import Console

from api.demo.complete_journey import CompleteJourney
from benchmarks.catching_up import Sending, catch_up, homed
from benchmarks.report import Report
from cdp.ingest.delivery import Delivery, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.split import Split
from cdp.platform import Platform
from cdp.settings import Settings
from projections.reading import snapshot
from projections.sales.figures import answer
from projections.sales.question import Period, Question

YEAR = Period(date(2017, 1, 1), date(2018, 1, 31))
TIMES = 20
TRANSACTION = 2_000
VIEWS: Sequence[tuple[str, Question]] = (
    ("the year", Question(("gross", "orders", "net", "aov"), period=YEAR)),
    ("by day", Question(("gross", "orders"), ("day",), period=YEAR)),
    ("by hour", Question(("gross", "orders"), ("hour",), period=YEAR, limit=10_000)),
    ("by month, new and returning", Question(("gross", "new_customers"), ("month", "customer"), period=YEAR)),
    ("by store", Question(("gross", "orders", "basket_size"), ("store",), period=YEAR)),
    ("in another time zone", Question(("gross",), ("day",), period=YEAR, zone=ZoneInfo("America/New_York"))),
    ("customers by month", Question(("customers",), ("month",), period=YEAR)),
    ("by category", Question(("product_sales", "lines"), ("category",), period=YEAR)),
    ("by category and month", Question(("product_sales",), ("category", "month"), period=YEAR, limit=10_000)),
    ("best sellers", Question(("product_sales", "product_units"), ("product",), period=YEAR, limit=20)),
    ("customers by category", Question(("product_customers",), ("category",), period=YEAR)),
)
YARDSTICKS = {
    "the year": "select sum(sales_value::decimal(12, 2)), count(distinct basket_id) from {lines}",
    "by day": "select transaction_timestamp::date, sum(sales_value::decimal(12, 2)), count(distinct basket_id) "
    "from {lines} group by 1",
    "by store": "select store_id, sum(sales_value::decimal(12, 2)), count(distinct basket_id) from {lines} group by 1",
    "customers by month": "select date_trunc('month', transaction_timestamp), count(distinct household_id) "
    "from {lines} group by 1",
    "best sellers": "select product_id, sum(sales_value::decimal(12, 2)) as sales, sum(quantity) from {lines} "
    "group by 1 order by 2 desc limit 20",
}


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.sales", description=__doc__)
    parser.add_argument("--touchpoints", type=int, default=0, help="also build sales over so many of five channels")
    parser.add_argument("--baskets", type=int, default=155_848)
    parser.add_argument("--write", action="store_true", help="update docs/sales-speed.md")
    options = parser.parse_args()
    report = Report("docs/sales-speed.md", ("what", "measured", "DuckDB over Parquet", "needed"))
    if options.touchpoints:
        measure_mixed(report, options.touchpoints)
    measure_year(report, options.baskets)
    Console().print(report.table())
    if options.write:
        report.write()


def measure_mixed(report: Report, touchpoints: int) -> None:
    """Facts, entities and rollups over touchpoints of five channels."""
    with homed(None) as folder, Platform.open(Settings(home=folder)) as platform:
        Sending(platform).fill(touchpoints)
        before = sum(catch_up(platform, ["identity"]))
        seconds = sum(catch_up(platform, ["identity", "sales"])) - before
        rate = platform.reader.head().position / seconds
        report.add(f"{touchpoints:,} touchpoints of five channels through sales", f"{rate:,.0f} a second", "", "20,000")


def measure_year(report: Report, baskets: int) -> None:
    """The year's baskets in, and the views out."""
    journey = CompleteJourney.installed()
    with homed(None) as folder, Platform.open(Settings(home=folder)) as platform:
        _send(platform, journey, baskets)
        seconds = sum(catch_up(platform, ["identity", "sales"]))
        rate = f"{baskets / seconds:,.0f} baskets a second"
        report.add(f"{baskets:,} baskets through identity and sales", rate, "", "")
        duck, lines = duckdb.connect(), f"'{journey.folder / 'transactions.parquet'}'"
        with platform.databases.read.connection() as connection:
            connection.execute("analyze")
        for name, question in VIEWS:
            ours = _p95(lambda question=question: _ask(platform, question))  # type: ignore[misc]
            query = YARDSTICKS.get(name, "").format(lines=lines)
            theirs = f"{_p95(lambda query=query: duck.execute(query).fetchall()):.0f} ms" if query else ""  # type: ignore[misc]
            report.add(f"{name}, p95", f"{ours:.0f} ms", theirs, "150 ms")


def _send(platform: Platform, journey: CompleteJourney, baskets: int) -> None:
    intake = Intake(
        platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
    )
    key = platform.sources.add("tills", channel="store", actor="benchmark")
    credential = platform.registry.credential(key)
    assert credential is not None
    items = islice(journey.baskets(), baskets)
    while portion := [msgspec.json.encode(item) for item in islice(items, TRANSACTION)]:
        split = Split(portion, {}, None)
        intake.take([Delivery(new_delivery_id(), credential, datetime.now(UTC), b"", None, split)])


def _ask(platform: Platform, question: Question) -> object:
    with snapshot(platform.databases.read) as connection:
        return answer(connection, question, ZoneInfo(platform.settings.timezone))


def _p95(ask: Callable[[], object]) -> float:
    """In milliseconds, over some repetitions after one that warms up."""
    ask()
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return sorted(times)[int(TIMES * 0.95) - 1] * 1_000


if __name__ == "__main__":
    main()
