"""`cdp quarantine`: what could not be accepted, why, and how it is mended, taken in again, or given up."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from api.cli.editor import edited
from api.cli.quarantine_tables import counts_table, items_table, outcomes_table, render_item, render_verdict
from api.cli.session import ACTOR, opened
from api.quarantine_answers import (
    described_count,
    described_delivery,
    described_fixed,
    described_item,
    described_outcome,
    described_page,
    described_removed,
    described_replayed,
    described_verdict,
    described_verdicts,
)
from cdp.platform import Platform
from cdp.quarantine.change import Change, Patch, Replacement
from cdp.quarantine.desk import Desk
from cdp.quarantine.moment import age, moment
from cdp.quarantine.selection import HELD, InvalidSelection, Selection, place
from cdp.sources.rejection import Stage as Stages

app = typer.Typer(help="What could not be accepted: see it, mend it, take it in again.", no_args_is_help=True)


class InvalidCommand(ValueError):
    """The options do not go together; the message says what was expected."""


Ids = Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="items, as `cdp quarantine list` shows them")]
SourceName = Annotated[str | None, typer.Option("--source", help="only of this source")]
Reason = Annotated[str | None, typer.Option(help="only held for this reason, such as missing_event")]
Stage = Annotated[str | None, typer.Option(help=f"only held at this stage: {', '.join(each.value for each in Stages)}")]
Plan = Annotated[int | None, typer.Option(help="only refused by this version of the source's plan")]
Delivery = Annotated[UUID | None, typer.Option(help="only of this delivery")]
Since = Annotated[str | None, typer.Option(help="only received then or later: 2026-03-01, 36h, 90d")]
Until = Annotated[str | None, typer.Option(help="only received earlier")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
Everything = Annotated[bool, typer.Option("--all", help="all that is held; needed where nothing else says what")]


@app.command("list")
def list_(
    source: SourceName = None,
    reason: Reason = None,
    stage: Stage = None,
    plan: Plan = None,
    delivery: Delivery = None,
    since: Since = None,
    until: Until = None,
    state: Annotated[str, typer.Option(help="held, accepted, duplicate, split, discarded, expired, or all")] = HELD,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="how many items to list")] = 20,
    after: Annotated[str | None, typer.Option(help="go on after this cursor, which ends a page")] = None,
    as_json: AsJson = False,
) -> None:
    """Count what is held, by source and reason, and list it in the order in which it was received."""
    with opened() as platform:
        desk = Desk(platform)
        meant = _meant(platform, None, source, reason, stage, plan, delivery, since, until, state)
        counts = [described_count(platform, each) for each in desk.counts(meant)]
        page = described_page(platform, desk.page(meant, limit, place(after) if after else None))
    if as_json:
        _print_json({"counts": counts, **page})
        return
    console = Console()
    console.print(counts_table(counts))
    if page["items"]:
        console.print(items_table(page["items"]))
    if page["next"] and limit:
        console.print(f"more with: --after {page['next']}", soft_wrap=True)


@app.command()
def show(
    quarantine_id: Annotated[UUID | None, typer.Argument(metavar="[ID]", help="an item in quarantine")] = None,
    delivery: Annotated[UUID | None, typer.Option(help="instead, what became of this delivery")] = None,
    item: Annotated[int | None, typer.Option(help="of that delivery only this item, from 0")] = None,
    source: SourceName = None,
    message_id: Annotated[str | None, typer.Option(help="instead, what became of the source's message id")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="show the values, which are personal data")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a held item with its history; or what became of anything received, by delivery or by message id."""
    with opened() as platform:
        desk = Desk(platform)
        if quarantine_id is not None and delivery is None and message_id is None:
            described = described_item(platform, desk.show(quarantine_id), raw=raw)
            _print_json(described) if as_json else Console().print(render_item(described))
            return
        if quarantine_id is None and delivery is not None and message_id is None:
            found = described_delivery(platform, desk.delivery(delivery))
            outcomes = found["items"] if item is None else [described_outcome(desk.item(delivery, item))]
            content: Any = found if item is None else outcomes[0]
        elif quarantine_id is None and delivery is None and message_id is not None and source is not None:
            source_id = platform.sources.get(source).id
            content = outcomes = [described_outcome(each) for each in desk.message(source_id, message_id)]
        else:
            raise InvalidCommand("expected one of: ID; --delivery D, with --item N; --source S with --message-id M")
    _print_json(content) if as_json else Console().print(outcomes_table(outcomes))


@app.command()
def fix(
    ids: Ids = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=TEXT", help="set a field to a text, or with PATH:=JSON to any value"),
    ] = None,
    unset: Annotated[list[str] | None, typer.Option(metavar="PATH", help="take a field out")] = None,
    edit: Annotated[bool, typer.Option("--edit", help="edit the item in $EDITOR")] = False,
    file: Annotated[Path | None, typer.Option(help="put this file's content in the item's place")] = None,
    mapping: Annotated[Path | None, typer.Option(help="map the rows of an imported file once more")] = None,
    source: SourceName = None,
    reason: Reason = None,
    stage: Stage = None,
    plan: Plan = None,
    delivery: Delivery = None,
    since: Since = None,
    until: Until = None,
    check: Annotated[bool, typer.Option("--check", help="only show what the reader says of it")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Mend held items: show what the reader says of them, ask, and store the mended beside the first bytes.

    What is mended is held until `cdp quarantine replay`.
    """
    with opened() as platform:
        desk = Desk(platform)
        meant = _meant(platform, ids, source, reason, stage, plan, delivery, since, until)
        if meant.unlimited:
            raise InvalidCommand("nothing says which items are meant; expected their ids, or a filter such as --reason")
        change = _change(desk, meant, set_ or [], unset or [], edit, file, mapping)
        if len(meant.ids) == 1:
            verdict = described_verdict(desk.verdict(meant.ids[0], change))
        else:
            verdict = described_verdicts(desk.verdicts(meant, change))
        if not as_json:
            Console().print(render_verdict(verdict))
        if check:
            _print_json({"verdict": verdict}) if as_json else None
            return
        if not (yes or as_json):
            typer.confirm("Store it?", abort=True)
        with _progress("mending") as progress:
            fixed = described_fixed(desk.fix(meant, change, actor=ACTOR, progress=progress))
    if as_json:
        _print_json({"verdict": verdict, **fixed})
    else:
        Console().print(f"{fixed.get('fixed', 0):,} mended; next: cdp quarantine replay")


@app.command()
def replay(
    ids: Ids = None,
    source: SourceName = None,
    reason: Reason = None,
    stage: Stage = None,
    plan: Plan = None,
    delivery: Delivery = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Take held items in again, in their first place and time. Can be killed at any moment and repeated."""
    with opened() as platform:
        meant = _meant(platform, ids, source, reason, stage, plan, delivery, since, until)
        _limited(meant, everything)
        with _progress("replaying") as progress:
            done = described_replayed(Desk(platform).replay(meant, actor=ACTOR, progress=progress))
    if as_json:
        _print_json(done)
        return
    outcomes = ", ".join(f"{n:,} {name}" for name, n in done["outcomes"].items()) or "nothing was held"
    Console().print(f"{done['matching']:,} tried: {outcomes}")


@app.command()
def discard(
    why: Annotated[str, typer.Option(help="the reason, which the log keeps")],
    ids: Ids = None,
    source: SourceName = None,
    reason: Reason = None,
    stage: Stage = None,
    plan: Plan = None,
    delivery: Delivery = None,
    since: Since = None,
    until: Until = None,
    erase: Annotated[bool, typer.Option("--erase", help="destroy the bytes now, not when they expire")] = False,
    everything: Everything = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give held items up: they will never be taken in."""
    with opened() as platform:
        desk = Desk(platform)
        meant = _meant(platform, ids, source, reason, stage, plan, delivery, since, until)
        _limited(meant, everything)
        if not (yes or as_json):
            typer.confirm(f"Discard {sum(each.items for each in desk.counts(meant)):,} items?", abort=True)
        with _progress("discarding") as progress:
            done = desk.discard(meant, why=why, actor=ACTOR, erase=erase, progress=progress)
    if as_json:
        _print_json(described_removed(done))
    else:
        Console().print(f"{done.held:,} discarded")


@app.command()
def expire(
    older_than: Annotated[str, typer.Option(help="how long ago it was received: 90d, 36h")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Destroy the bytes of everything received so long ago; what of it is still held is discarded with that."""
    with opened() as platform:
        desk = Desk(platform)
        until = datetime.now(UTC) - age(older_than)
        if not (yes or as_json):
            held = sum(each.items for each in desk.counts(Selection(until=until)))
            typer.confirm(f"Destroy all bytes received before {until:%Y-%m-%d %H:%M} UTC, {held:,} held?", abort=True)
        with _progress("destroying") as progress:
            done = desk.expire(until, actor=ACTOR, progress=progress)
    if as_json:
        _print_json(described_removed(done))
    else:
        Console().print(f"{done.held:,} held items expired; the bytes of {done.settled:,} settled ones are destroyed")


def _meant(
    platform: Platform,
    ids: list[UUID] | None,
    source: str | None,
    reason: str | None,
    stage: str | None,
    plan: int | None,
    delivery: UUID | None,
    since: str | None,
    until: str | None,
    state: str = HELD,
) -> Selection:
    """The items that the options mean."""
    now, zone = datetime.now(UTC), platform.settings.timezone
    return Selection(
        ids=tuple(ids or ()),
        source=platform.sources.get(source).id if source else None,
        reason=reason,
        stage=stage,
        plan=plan,
        delivery=delivery,
        since=moment(since, now, zone) if since else None,
        until=moment(until, now, zone) if until else None,
        state=None if state == "all" else state,
    )


def _limited(meant: Selection, everything: bool) -> None:
    if meant.unlimited and not everything:
        raise InvalidSelection("nothing says which items are meant; give ids, a filter such as --reason, or --all")


def _change(
    desk: Desk, meant: Selection, set_: list[str], unset: list[str], edit: bool, file: Path | None, mapping: Path | None
) -> Change:
    if sum((bool(set_ or unset), edit, file is not None, mapping is not None)) != 1:
        raise InvalidCommand("expected exactly one of: --set and --unset; --edit; --file; --mapping")
    if mapping is not None:
        return _remapping(mapping)
    if not edit and file is None:
        return Patch(dict(_assignment(each) for each in set_), unset)
    if len(meant.ids) != 1:
        raise InvalidCommand("--edit and --file mend one item; expected its id")
    if file is not None:
        return Replacement(file.read_bytes())
    return Replacement(edited(desk.opened(meant.ids[0]).raw, ".json"))


def _remapping(path: Path) -> Change:
    from cdp.imports.mending import Remapping  # pyarrow takes half a second to load
    from cdp.sources.files.notation import load_mapping

    return Remapping(load_mapping(path))


def _assignment(text: str) -> tuple[str, Any]:
    path, sign, value = text.partition("=")
    if not sign or not path.strip(":"):
        raise InvalidCommand(f"--set {text!r} cannot be read; expected PATH=TEXT or PATH:=JSON")
    if not path.endswith(":"):
        return path, value
    try:
        return path[:-1], msgspec.json.decode(value)
    except msgspec.DecodeError:
        raise InvalidCommand(f"--set {text!r}: what follows := is not JSON; for a text use PATH=TEXT") from None


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal."""
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield show


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, default=str, indent=2, ensure_ascii=False))
