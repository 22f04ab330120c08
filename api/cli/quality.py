"""`cdp quality`: how complete, late and regular is what each source sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from api.cli.session import opened
from api.quality_answers import (
    EventAnswer,
    QualityAnswer,
    RhythmAnswer,
    SourceQualityAnswer,
    quality_of,
    source_quality_of,
)
from projections.quality.rhythm import State
from projections.reading import snapshot

_DAY = "%Y-%m-%d"


def quality(
    source: Annotated[str | None, typer.Argument(help="one source in full; without it all at a glance")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=[_DAY], help="the first day of a source in full")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=[_DAY], help="the last day")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Show how complete, late and regular is what sources send."""
    answer: QualityAnswer | SourceQualityAnswer
    with opened() as platform, snapshot(platform.databases.read) as connection:
        now = datetime.now(UTC)
        if source is None:
            answer = quality_of(platform, connection, now)
        else:
            days = (first.date() if first else None, last.date() if last else None)
            answer = source_quality_of(platform, connection, source, now, *days)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        Console().print(render_all(answer) if isinstance(answer, QualityAnswer) else render_source(answer))


def render_all(answer: QualityAnswer) -> RenderableType:
    """The sources, one a line of 80 columns."""
    table = _table(
        "source", "touch-\npoints", "unknown", "late\n>1 day", "in quar-\nantine", "last\nreceived", "rhythm"
    )
    for column in table.columns[1:5]:
        column.justify = "right"
    for each in answer.sources:
        table.add_row(
            Text(each.source.name, overflow="ellipsis"),
            f"{each.touchpoints:,}",
            _share(each.unknown, each.touchpoints),
            _share(each.flags.get("late:1d", 0), each.touchpoints),
            f"{sum(each.held.values()):,}",
            _ago(each.last_received, answer.now),
            _state(each.rhythm),
        )
    return table


def render_source(answer: SourceQualityAnswer) -> RenderableType:
    """A source in full: its books and rhythm, then each event with its fields."""
    return Group(_overview(answer), *(_event(each) for each in answer.events))


def _overview(answer: SourceQualityAnswer) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows: dict[str, str | Text] = {
        "source": answer.source.name,
        "received": _words(answer.items),
        "in quarantine": _words(answer.held),
        "touchpoints": f"{answer.touchpoints:,}, of unknown events {_share(answer.unknown, answer.touchpoints)}",
        "flags": _words(answer.flags),
        "last received": _moment(answer.last_received, answer.now),
        "last occurred": _moment(answer.last_occurred, answer.now),
        "rhythm": _state(answer.rhythm),
        "": _reason(answer.rhythm),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _event(event: EventAnswer) -> RenderableType:
    table = _table("field", "kind", "touchpoints", "complete", title=f"{event.name}: {event.touchpoints:,}")
    table.title_justify = "left"
    for column in table.columns[2:]:
        column.justify = "right"
    for each in event.fields:
        complete = f"{each.completeness:.1%}"
        colour = "" if each.completeness == 1 else "yellow"
        table.add_row(Text(each.field), each.kind, f"{each.touchpoints:,}", Text(complete, colour))
    for flag, count in event.flags.items():
        table.add_row(Text(flag), "flag", f"{count:,}", _share(count, event.touchpoints))
    return table


def _table(*headings: str, title: str | None = None) -> Table:
    return Table(*headings, title=title, box=SIMPLE, padding=(0, 1, 0, 0))


def _state(rhythm: RhythmAnswer) -> Text:
    if rhythm.state == State.SILENT.value:
        return Text("SILENT", "bold red")
    return Text(rhythm.state, "green" if rhythm.state == State.IN_RHYTHM.value else "dim")


def _reason(rhythm: RhythmAnswer) -> str:
    if rhythm.why:
        return rhythm.why
    if rhythm.silence_seconds is None or rhythm.expected is None or rhythm.per_week is None:
        return ""
    silence = _duration(timedelta(seconds=rhythm.silence_seconds))
    return (
        f"{silence} without a delivery, in which {rhythm.expected:,.1f} were expected; "
        f"chance brings {rhythm.per_week:.2g} such silences a week"
    )


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count) or "none"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if part and whole else "0"


def _moment(moment: datetime | None, now: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC, {_ago(moment, now)}" if moment else "never"


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_duration(max(now - moment, timedelta(0)))} ago" if moment else "never"


def _duration(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
