"""`cdp archive`: the log as Parquet files that never change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.cli.session import opened
from pipelines.archive.manifest import load_manifest
from pipelines.archive.verifying import verify
from pipelines.archive.writing import Archived
from pipelines.archive.writing import archive as write_archive

FOLDER = "archive"
"""Where the archive is inside the data folder, unless said otherwise."""


def archive(
    folder: Annotated[Path | None, typer.Option(help="where the files are; by default `archive` in CDP_HOME")] = None,
    verify_: Annotated[
        bool, typer.Option("--verify", help="compare the archive with the log, byte by byte, and write nothing")
    ] = False,
) -> None:
    """Write what is new in the log to the archive; a run that was interrupted goes on where it stopped."""
    with opened() as platform:
        where = folder or platform.settings.home / FOLDER
        head = platform.reader.head().position
        manifest = load_manifest(where)
        if verify_:
            with _Bar("verifying", manifest.last if manifest else None) as bar:
                checked = verify(platform.reader, where, bar.report)
            typer.echo(
                f"{checked.events:,} events in {checked.files:,} files ({checked.bytes:,} bytes): every byte is the "
                f"log's, which is at position {checked.head:,}"
            )
            return
        after = manifest.complete[-1].last if manifest and manifest.complete else 0
        with _Bar("archiving", head - after) as bar:
            said = _said(write_archive(platform.reader, where, bar.report), where)
    typer.echo(said)


def _said(archived: Archived, folder: Path) -> str:
    manifest, written = archived
    size = sum(segment.bytes for segment in manifest.segments)
    holds = f"{folder} holds positions 1 to {manifest.last:,} in {len(manifest.segments):,} files, {size:,} bytes"
    return f"{holds}; {written:,} events were written" if written else f"{holds}; nothing was new"


class _Bar:
    """How many events are done; shown on a terminal only."""

    def __init__(self, what: str, total: int | None) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        text = TextColumn("{task.description}")
        self._progress = Progress(text, *columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def report(self, count: int) -> None:
        """Moves the bar by this many events."""
        self._progress.advance(self._task, count)
