"""`cdp demo`: start everything, send a year of customers through the HTTP door, show what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

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

PLAIN_WIDTH = 120
"""Columns of output that goes to a file or another program; a terminal says its own."""

_console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


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
    try:
        with running(settings) as service:
            planned = plan(journey)
            with Platform.open(settings) as platform:
                show(platform, service.url, planned)
                _next_steps(platform, service, planned.showcase, leave)
            if service.ours and not leave:
                _serve()
    except KeyboardInterrupt:
        _console.print("Interrupted. What was sent so far is stored; another demo sends the rest.")
        raise typer.Exit(130) from None


class Service(NamedTuple):
    """Where the platform runs, and whether it is the demo's own and ends with it."""

    url: str
    ours: bool


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Service]:
    """The platform that runs on this home already, else one that runs for the length of the block."""
    if url := Installation(settings.home).url():
        _console.print(f"Using the cdp that is up at {url}")
        yield Service(url, ours=False)
        return
    _console.print("Starting PostgreSQL, the API and the projector")
    with serving(settings) as url:
        yield Service(url, ours=True)
        _console.print("Stopping what was started")


def _serve() -> None:
    _console.print("\nServing until Ctrl-C.")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def show(platform: Platform, url: str, planned: Plan) -> None:
    """Send everything, wait for the projections, and print what came of it."""
    from api.demo.delivery import await_ready, catch_up, deliver
    from api.demo.sources import service_token, write_keys
    from api.demo.summary import added, check_sales, counted

    began = time.monotonic()
    keys = write_keys(platform, platform.settings.home)
    service_token(platform, platform.settings.home)
    before = counted(platform)
    await_ready(url)
    sent = deliver(url, keys, planned.shipments, _console)
    catch_up(platform, _console)
    gained = added(before, counted(platform))
    _told(sent, gained, time.monotonic() - began)
    _profile(platform, planned.showcase)
    _sales(platform)
    check_sales(platform, planned.figures)
    _console.print(f"The real baskets add up to {planned.figures.sales:,} USD, exactly as in the data set.\n")
    _counts(platform)


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
    from api.cli.profile_tables import render_profile
    from api.demo.items import CARD, CARD_NAMESPACE
    from api.profile_answers import found_groups, profile_answer
    from api.profile_groups import ProfileReader
    from projections.reading import snapshot

    with snapshot(platform.databases.read) as connection:
        reader = ProfileReader(platform, connection)
        for found in found_groups(reader, CARD, str(person.household), CARD_NAMESPACE):
            _console.print("\nOne customer, whose real baskets are joined with the synthetic channels:")
            _console.print(render_profile(profile_answer(reader, found)))


def _sales(platform: Platform) -> None:
    from api.demo.summary import sales_by_channel

    _console.print(sales_by_channel(platform))


def _counts(platform: Platform) -> None:
    """What was received from each source and what became of it."""
    from api.cli.status import status_of

    _console.print(status_of(platform))


def _next_steps(platform: Platform, service: Service, person: Person, leave: bool) -> None:
    """What to type next: commands always, requests as long as there is a server to answer them."""
    from api.demo.sources import service_token

    program = _program()
    commands = [
        f"{program} profile find --email {person.email}",
        f"{program} status",
        f"{program} source list",
    ]
    if leave and service.ours:
        commands.append(f"{program} up")
    else:
        header = '-H "Authorization: Bearer $TOKEN"'
        commands += [
            f"export TOKEN={service_token(platform, platform.settings.home)}",
            f'curl {header} "{service.url}/api/profiles?email={person.email}"',
            f'curl {header} "{service.url}/api/sales/daily?channel=store"',
        ]
    _console.print(f"\nThe API is at {service.url}. Try next:", markup=False)
    for command in commands:
        _console.print(f"  {command}", markup=False, soft_wrap=True)


def _program() -> str:
    """How this command was called, with what another one needs in front to find the same data."""
    called, home = Path(sys.argv[0]), os.environ.get("CDP_HOME")
    here = called.is_absolute() and called.is_relative_to(Path.cwd())
    name = str(called.relative_to(Path.cwd()) if here else called) if called.name == "cdp" else "cdp"
    return f"CDP_HOME={home} {name}" if home else name
