"""`cdp demo`: start everything, send a year of customers through the HTTP door, show what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from api.cli.installation import Installation
from api.cli.serve import Port, serving
from api.demo.packages import PARQUET, folder_of
from cdp.settings import Settings

if TYPE_CHECKING:
    from api.demo.people import Person
    from api.demo.sender import Sent
    from api.demo.shipments import Plan
    from api.demo.summary import Added
    from cdp.platform import Platform

Leave = Annotated[bool, typer.Option("--exit", help="Leave when it is over, and stop what it started.")]

_console = Console(soft_wrap=True, highlight=False)


def demo(leave: Leave = False, port: Port = None) -> None:
    """Start everything and send a year of real customers through it."""
    folder_of(PARQUET)
    from api.demo.complete_journey import CompleteJourney
    from api.demo.shipments import plan
    from cdp.platform import Platform

    journey = CompleteJourney.installed()
    settings = Settings.from_environment(os.environ)
    settings = settings if port is None else dataclasses.replace(settings, port=port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), running(settings) as url:
        with Platform.open(settings) as platform:
            show(platform, url, plan(journey))
        if not leave:
            _console.print("Serving until Ctrl-C.")
            threading.Event().wait()


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[str]:
    """The platform that runs on this home already, else one that runs for the length of the block; yields its URL."""
    if url := Installation(settings.home).url():
        _console.print(f"Using the cdp that is up at {url}")
        yield url
        return
    _console.print("Starting PostgreSQL, the API and the projector")
    with serving(settings) as url:
        yield url
        _console.print("Stopping what was started")


def show(platform: Platform, url: str, planned: Plan) -> None:
    """Send everything, wait for the projections, and print what came of it."""
    from api.demo.delivery import await_ready, catch_up, deliver
    from api.demo.sources import write_keys
    from api.demo.summary import added, check_sales, counted

    began = time.monotonic()
    keys = write_keys(platform, platform.settings.home)
    before = counted(platform)
    await_ready(url)
    sent = deliver(url, keys, planned.shipments, _console)
    catch_up(platform, _console)
    gained = added(before, counted(platform))
    _told(sent, gained, time.monotonic() - began)
    _profile(platform, planned.showcase)
    _sales(platform)
    _counts(platform)
    check_sales(platform, planned.figures)
    _next_steps(url, planned.showcase)


def _told(sent: Sequence[Sent], gained: Added, seconds: float) -> None:
    items, size = sum(each.items for each in sent), sum(each.bytes for each in sent)
    took = sum(each.seconds for each in sent)
    _console.print(
        f"\nSent {items:,} touchpoints ({size / 1e6:,.0f} MB) in {took:.1f} s, {items / took:,.0f} a second; "
        f"projections had seen all after {seconds:.1f} s."
    )
    if gained.accepted:
        _console.print(f"New: {gained.accepted:,}. Known already: {gained.duplicate:,}.")
    else:
        _console.print(f"This demo added nothing: all {gained.duplicate:,} touchpoints were known already.")


def _profile(platform: Platform, person: Person) -> None:
    """The profile that joins most, with the source of each field."""
    _console.print(str(person))


def _sales(platform: Platform) -> None:
    from api.demo.summary import sales_by_channel

    _console.print(sales_by_channel(platform))


def _counts(platform: Platform) -> None:
    """What was received from each source and what became of it."""
    from api.cli.status import status_of

    _console.print(status_of(platform))


def _next_steps(url: str, person: Person) -> None:
    _console.print(url)
