"""`cdp import`: files of rows into touchpoints, by a mapping."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Annotated

import msgspec
import pyarrow
import typer
from rich.box import SIMPLE
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from api.cli.session import ACTOR, opened
from cdp.imports.chunk import Refusal
from cdp.imports.reading import Reading
from cdp.imports.runner import Importer, Result
from cdp.imports.trial import Trial
from cdp.sources.files.notation import load_mapping
from cdp.sources.files.portion import Progress as Done

WORKERS = min(2, os.cpu_count() or 1)


def import_(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines (both also .gz), Parquet or .xlsx")],
    source: Annotated[str, typer.Option(help="the source that the rows belong to")],
    mapping: Annotated[Path, typer.Option(help="the TOML file that says what its columns mean")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be imported and change nothing")] = False,
    again: Annotated[bool, typer.Option("--again", help="repeat an import that is finished")] = False,
    workers: Annotated[int, typer.Option(min=0, max=64, help="processes that store rows; 0: this one")] = WORKERS,
) -> None:
    """Import a file; an interrupted import goes on where it stopped."""
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())  # gives back what a portion of the file took
    read = load_mapping(mapping)
    with opened() as platform, _Bar() as bar:
        platform.registry.refresh()
        found = platform.sources.get(source)
        if dry_run:
            trial = Trial(platform, found)
            with closing(Reading(file, read)) as reading:
                trial.run(reading, bar.report)
            shown = _trial(trial, reading)
        else:
            result = Importer(platform, workers, ACTOR).run(file, found, read, bar.report, again)
            shown = _result(result)
    for each in shown:
        Console().print(each)


class _Bar:
    """The progress of a file, as far as the file says how long it is."""

    def __init__(self) -> None:
        columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        what = TextColumn("{task.description}")
        self._progress = Progress(what, *columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("checking", total=None)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def report(self, what: str, done: Done) -> None:
        """Moves the bar."""
        self._progress.update(self._task, description=what, completed=done.done, total=done.total)


def _result(result: Result) -> list[RenderableType]:
    if result.earlier is not None:
        when = result.earlier.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        said = f"This file was imported with this mapping on {when}; nothing to do. `--again` repeats it."
        return [said, _books(result)]
    begin = ["Went on with an import that was interrupted."] if result.resumed else []
    return [*begin, *_problems(result.refusals, "went to quarantine"), *_skipped(result.skipped), _books(result)]


def _books(result: Result) -> Table:
    books = result.books
    table = Table("", "touchpoints", "rows", box=SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for outcome, items, rows in zip(books.of_items._fields, books.of_items, books.of_rows, strict=True):
        table.add_row(outcome, f"{items:,}", f"{rows:,}")
    table.add_row("left out by the mapping", "", f"{books.skipped:,}")
    table.add_row("empty", "", f"{books.blank:,}")
    sign = "" if books.balanced else " ≠ the sum of the above"
    table.add_row("all", f"{sum(books.of_items):,}", f"{books.rows:,}{sign}")
    return table


def _trial(trial: Trial, reading: Reading) -> list[RenderableType]:
    items = [msgspec.json.format(item, indent=2).decode() for item in trial.first]
    refused = sum(count for count, _ in trial.refusals.values())
    said = (
        f"Nothing was changed. {_many(reading.rows, 'row')} would become {_many(trial.items, 'touchpoint')} and "
        f"{_many(refused, 'item')} in quarantine."
    )
    return [
        *items,
        *_problems(trial.refusals, "would go to quarantine"),
        *_problems(trial.flags, "would be taken, with a remark"),
        *_skipped(reading.skipped),
        said,
    ]


def _problems(refusals: dict[Refusal, tuple[int, int]], title: str) -> list[RenderableType]:
    if not refusals:
        return []
    table = Table("reason", "what", "items", "first row", title=title, title_justify="left", box=SIMPLE)
    for refusal, (count, row) in sorted(refusals.items(), key=lambda each: -each[1][0]):
        table.add_row(refusal.reason, refusal.sentence, f"{count:,}", f"{row:,}")
    return [table]


def _skipped(skipped: Counter[str]) -> list[RenderableType]:
    return [f"{count:,} rows left out: {because}" for because, count in skipped.most_common()]


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
