"""`make bench`: every figure that the platform promises, measured, printed as a table, and with `--write` kept.

The client, the API and PostgreSQL are real processes that share the machine, in their default settings.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console

from benchmarks import catching_up
from benchmarks.door import BATCH_COLD, BATCH_WARM, SINGLE, Case, opened
from benchmarks.freshness import RATE, measure_freshness
from benchmarks.recorder import OUR_SIZES, STOCK_SIZE, measure_recorders
from benchmarks.report import Report

SECONDS = 8.0
TOUCHPOINTS, CALLERS = 100_000, 10_000
FRESHNESS_SECONDS = 20.0
HEADINGS = ("what", "a second", "needed", "p50", "p99")
CASES: Sequence[tuple[str, Case, str]] = (
    ("/v1/batch, 100 touchpoints of 800 bytes, people never seen", BATCH_COLD, "8,000"),
    ("/v1/batch, 100 touchpoints of 800 bytes, known people", BATCH_WARM, "8,000"),
    ("/v1/track, one each, 64 connections", SINGLE, "2,500, p99 < 150 ms"),
)
FACTORS = {500: 2.0, 5_000: 3.0}


def main() -> None:
    """Measures everything."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--write", action="store_true", help="update docs/benchmarks.md")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each load on the API lasts at most")
    parser.add_argument("--only", choices=("recorder", "api", "projector", "freshness"), help="measure only this part")
    parser.add_argument("--touchpoints", type=int, default=TOUCHPOINTS, help="how long the log is to catch up")
    parser.add_argument("--callers", type=int, default=CALLERS, help="people behind one phone, for catching up")
    options = parser.parse_args()
    report = Report("docs/benchmarks.md", HEADINGS)
    if options.only in (None, "recorder"):
        recorders(report)
    if options.only in (None, "api"):
        door(report, options.seconds, projector=False)
    if options.only in (None, "projector"):
        door(report, options.seconds, projector=True)
    if options.only in (None, "freshness"):
        freshness(report)
    Console().print(report.table())
    if options.write:
        report.write()
    if options.only in (None, "catching-up"):
        following = Report("docs/catching-up.md", catching_up.HEADINGS)
        catching_up.measure(following, options.touchpoints, options.callers)
        Console().print(following.table())


def recorders(report: Report) -> None:
    """Ours against the library's."""
    rates = measure_recorders()
    report.add(f"the library's recorder, {STOCK_SIZE} a transaction", f"{rates.stock:,.0f}", "", "", "")
    for size in OUR_SIZES:
        rate = rates.ours[size]
        what = f"recorder, {size:,} a transaction, dedupe included"
        report.add(what, f"{rate:,.0f} = {rate / rates.stock:.1f} ×", f"{FACTORS[size]:g} ×", "", "")


def door(report: Report, seconds: float, *, projector: bool) -> None:
    """The collection API; what the projector takes of the machine is shown by a second run."""
    with opened(projector) as running:
        for what, case, needed in CASES:
            figure = running.measure(case, seconds)
            beside = " (projector running)" if projector else ""
            rate, p50, p99 = f"{figure.rate:,.0f}", f"{figure.p50:.0f} ms", f"{figure.p99:.0f} ms"
            report.add(what + beside, rate, "" if projector else needed, p50, p99)
        if projector:
            report.add("events that the projector is behind at the end", f"{running.behind():,}", "", "", "")


def freshness(report: Report) -> None:
    """From the commit to the profile."""
    found = measure_freshness(FRESHNESS_SECONDS)
    what = f"from the commit to the profile, {RATE:,} touchpoints a second meanwhile"
    needed = "p95 < 1,000 ms"
    report.add(what, f"{found.rate:,.0f}", needed, f"{found.p50 * 1000:.0f} ms", f"{found.p95 * 1000:.0f} ms (p95)")


if __name__ == "__main__":
    main()
