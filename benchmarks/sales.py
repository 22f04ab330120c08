"""`python -m benchmarks.sales`: how fast sales are built, and how fast every kind of view over a real year answers.

The year is a grocery's 155,848 baskets with 1.47 million lines, put in by the intake. The yardstick is DuckDB straight
over the data set's own Parquet file, asked for the same figures where it has them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
from rich.console import Console

from api.demo.complete_journey import CompleteJourney
from benchmarks.batch import fill
from benchmarks.catching_up import Sending, catch_up, homed
from benchmarks.report import Report
from benchmarks.sales_views import LAST_DAY, YEAR, views
from cdp.platform import Platform
from cdp.settings import Settings
from projections.reading import snapshot
from projections.sales.figures import answer
from projections.sales.question import Question
from projections.sales.views.affinity import Asked, read_affinity
from projections.sales.views.cohorts import PERIODS, cohort_question, read_cohorts

TIMES, FEWEST = 20, 5
PATIENCE = 5
"""Seconds after which a view is not asked again."""

NEEDED = 150
"""Milliseconds."""

AFFINITIES = {
    "one category": Asked("category", "SOFT DRINKS"),
    "all categories": Asked("category"),
    "all products": Asked("product"),
}

HEADINGS = ("what", "measured", "DuckDB over Parquet", "needed")


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.sales", description=__doc__)
    parser.add_argument("--touchpoints", type=int, default=0, help="also build sales over so many of five channels")
    parser.add_argument("--home", type=Path, help="keep the year here, and use the one that is here already")
    parser.add_argument("--write", action="store_true", help="update docs/sales-speed.md")
    options = parser.parse_args()
    report = Report("docs/sales-speed.md", HEADINGS)
    if options.touchpoints:
        measure_mixed(report, options.touchpoints)
    measure_year(report, options.home)
    Console().print(report.table())
    if options.write:
        report.write()


def measure_mixed(report: Report, touchpoints: int) -> None:
    """Facts, entities and rollups over touchpoints of five channels."""
    with homed(None) as folder, Platform.open(Settings(home=folder)) as platform:
        Sending(platform).fill(touchpoints)
        before = sum(catch_up(platform, ["identity"]))
        both = sum(catch_up(platform, ["identity", "sales"]))
        head = platform.reader.head().position
        for what, seconds, needed in (("sales", both - before, "20,000"), ("identity and sales together", both, "")):
            name = f"{touchpoints:,} touchpoints of five channels through {what}"
            report.add(name, f"{head / seconds:,.0f} a second", "", needed)


def measure_year(report: Report, home: Path | None = None) -> None:
    """The year's baskets in, and the views out."""
    with homed(home) as folder, Platform.open(Settings(home=folder)) as platform:
        fill(platform)
        built = catch_up(platform, ["identity", "sales"], again=False)
        if built:
            rate = platform.reader.head().position / sum(built)
            report.add("the year's baskets through identity and sales", f"{rate:,.0f} a second", "", "")
        catch_up(platform, ["identity", "sales", "timeline"], again=False)
        with platform.databases.read.connection() as connection:
            connection.execute("vacuum analyze")
        yardstick, needed = Yardstick(CompleteJourney.installed()), f"{NEEDED} ms"
        for view in views():
            ours = p95(partial(_ask, platform, view.question))
            theirs = f"{p95(partial(yardstick.ask, view.yardstick)):.0f} ms" if view.yardstick else ""
            report.add(f"{view.name}, p95", f"{ours:.0f} ms", theirs, needed)
        for period in PERIODS:
            report.add(f"cohorts by {period}, p95", f"{p95(partial(_cohorts, platform, period)):.0f} ms", "", needed)
        for name, asked in AFFINITIES.items():
            report.add(f"affinity of {name}, p95", f"{p95(partial(_affinity, platform, asked)):.0f} ms", "", needed)


class Yardstick:
    """DuckDB over the data set's own files."""

    def __init__(self, journey: CompleteJourney) -> None:
        self._duck = duckdb.connect()
        self._files = {
            "lines": f"'{journey.folder / 'transactions.parquet'}'",
            "products": f"'{journey.folder / 'products.parquet'}'",
        }

    def ask(self, query: str) -> object:
        """The rows of a query."""
        return self._duck.execute(query.format(**self._files)).fetchall()


def _ask(platform: Platform, question: Question) -> object:
    with snapshot(platform.databases.read) as connection:
        return answer(connection, question, _shop(platform))


def _cohorts(platform: Platform, period: str) -> object:
    question = cohort_question(Question(("gross",), period=YEAR), period)
    with snapshot(platform.databases.read) as connection:
        return list(read_cohorts(connection, question, _shop(platform), period, None, LAST_DAY))


def _affinity(platform: Platform, asked: Asked) -> object:
    question = Question(("product_orders",), period=YEAR, limit=20)
    with snapshot(platform.databases.read) as connection:
        return list(read_affinity(connection, question, _shop(platform), asked))


def _shop(platform: Platform) -> ZoneInfo:
    return ZoneInfo(platform.settings.timezone)


def p95(ask: Callable[[], object]) -> float:
    """In milliseconds, over some repetitions after one that warms up; fewer of what takes its time."""
    ask()
    times: list[float] = []
    while len(times) < FEWEST or (len(times) < TIMES and sum(times) < PATIENCE):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return sorted(times)[ceil(len(times) * 0.95) - 1] * 1_000


if __name__ == "__main__":
    main()
