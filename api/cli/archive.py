"""`cdp archive`: the log as Parquet files that never change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.cli.session import opened
from pipelines.archive.manifest import load_manifest
from pipelines.archive.verifying import Verified, verify
from pipelines.archive.writing import Archived, rewrite
from pipelines.archive.writing import archive as write_archive

FOLDER = "archive"
"""Where the archive is inside the data folder, unless said otherwise."""


def archive(
    folder: Annotated[Path | None, typer.Option(help="where the files are; by default `archive` in CDP_HOME")] = None,
    verify_: Annotated[
        bool, typer.Option("--verify", help="compare the archive with the log, byte by byte, and write nothing")
    ] = False,
    rewrite_: Annotated[
        int | None,
        typer.Option("--rewrite", min=1, help="write the segment with this position anew, and remove its old file"),
    ] = None,
) -> None:
    """Write what is new in the log to the archive; a run that was interrupted goes on where it stopped."""
    with opened() as platform:
        reader = platform.reader
        where = folder or platform.settings.home / FOLDER
        manifest = load_manifest(where)
        if verify_:
            with Bar("verifying", manifest.last if manifest else None) as bar:
                said = _said_of_verified(verify(reader, where, bar.report))
        elif rewrite_ is not None:
            with Bar("archiving", manifest.segment_events if manifest else None) as bar:
                said = f"{rewrite(reader, where, rewrite_, bar.report).file} is new"
        else:
            after = manifest.complete[-1].last if manifest and manifest.complete else 0
            with Bar("archiving", reader.head().position - after) as bar:
                said = _said(write_archive(reader, where, bar.report), where)
    typer.echo(said)


def _said_of_verified(verified: Verified) -> str:
    return (
        f"{verified.events:,} events in {verified.files:,} files, {verified.bytes:,} bytes: every byte is the log's, "
        f"which is at position {verified.head:,}"
    )


def _said(archived: Archived, folder: Path) -> str:
    manifest, written = archived
    size = sum(segment.bytes for segment in manifest.segments)
    holds = f"{folder} holds positions 1 to {manifest.last:,} in {len(manifest.segments):,} files, {size:,} bytes"
    return f"{holds}; {written:,} events were written" if written else f"{holds}; nothing was new"


class Bar:
    """How many events are done; shown on a terminal only."""

    def __init__(self, what: str, total: int | None) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        text = TextColumn("{task.description}")
        self._progress = Progress(text, *columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def report(self, count: int) -> None:
        """Moves the bar by this many events."""
        self._progress.advance(self._task, count)
