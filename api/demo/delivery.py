"""Sending the shipments through the door, and waiting for the projections, each with its progress bar."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from api.demo.catching_up import await_projections
from api.demo.sender import Door, Sent, Unreachable, send
from api.demo.shipments import Shipment
from cdp.platform import Platform
from projections.lag import Lag

READY_SECONDS = 60.0


def await_ready(url: str) -> None:
    """Returns when the server says that it is ready. Raises `Unreachable`."""
    deadline, reason = time.monotonic() + READY_SECONDS, ""
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 - the URL of our own server
                return
        except (urllib.error.URLError, OSError) as error:
            reason = str(error)
        time.sleep(0.1)
    raise Unreachable(url, READY_SECONDS, reason)


def deliver(url: str, keys: Mapping[str, str], shipments: Sequence[Shipment], console: Console) -> list[Sent]:
    """Sends every shipment, one source after the other."""
    with _progress(console) as progress:
        bars = [progress.add_task(each.source, total=each.total, start=False) for each in shipments]
        sent = []
        for bar, shipment in zip(bars, shipments, strict=True):
            progress.start_task(bar)
            door = Door(url, shipment.source, keys[shipment.source])
            sent.append(send(door, shipment.items(), partial(progress.advance, bar)))
        return sent


def catch_up(platform: Platform, console: Console) -> list[Lag]:
    """Waits until the projections have seen what the log holds."""
    with _progress(console) as progress:
        bar = progress.add_task("projections", total=None)
        return await_projections(platform, lambda head, seen: progress.update(bar, total=head, completed=seen))


class _Rate(ProgressColumn):
    """Items a second since the bar began."""

    def render(self, task: Task) -> Text:
        """The mean rate; a bar that has ended keeps its own."""
        elapsed = task.finished_time if task.finished else task.elapsed
        rate = f"{task.completed / elapsed:,.0f}/s" if elapsed else ""
        return Text(f"{rate:>10}", style="progress.data.speed")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        console=console,
    )
