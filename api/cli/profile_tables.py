"""Profiles in the terminal: who it is, each field with its source, what lost, what it did where, and what changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from api.profile_difference import FieldValue, ProfileDifference
from api.profile_models import (
    ExpiredField,
    FieldItem,
    FieldOrigin,
    IdentifierNamed,
    ProfileAnswer,
    ProfileField,
    ProfileIdentifier,
    SelectionAnswer,
    TimelineAnswer,
)


def render_profile(profile: ProfileAnswer, candidates: bool = False) -> RenderableType:
    """A profile: identifiers, each field with its source, and what happened in each channel.

    With `candidates` below each field what was claimed and lost, with why.
    """
    seen = f"{profile.touchpoints:,} touchpoints"
    if profile.first_seen and profile.last_seen:
        seen += f", {_day(profile.first_seen)} to {_day(profile.last_seen)}"
    parts: list[RenderableType] = [
        *_moment(profile.selection),
        _identifiers(profile),
        *_withheld(profile),
        _fields(profile, candidates),
        _channels(profile),
        *_accounts(profile),
    ]
    return Panel(Group(*parts), title=f"Profile {profile.id}", subtitle=seen, title_align="left", expand=False)


def _moment(selection: SelectionAnswer) -> Iterable[Text]:
    """Which past is shown, and under which rules; nothing for the present under the built-in ones."""
    said = []
    if selection.as_of:
        said.append(f"as of {_time(selection.as_of)}")
    if selection.known_at is not None:
        when = f" ({_time(selection.known_when)})" if selection.known_when else ""
        said.append(f"as known at position {selection.known_at:,}{when}")
    if selection.identity_rules:
        said.append(f"identity rules {selection.identity_rules}")
    if selection.survivorship_rules:
        said.append(f"survivorship rules {selection.survivorship_rules}")
    if said:
        yield Text(", ".join(said), "italic")
    if selection.erased:
        yield Text("something of this profile was erased since", "yellow")


def _identifiers(profile: ProfileAnswer) -> Table:
    table = _table("identifier", "value", "known in")
    links = all(each.verdict is None for each in profile.identifiers)
    if not links:
        table.add_column("links nobody because", overflow="fold")
    for each in profile.identifiers:
        row: list[RenderableType] = [each.type, Text(_value(each), "" if _usable(each) else "dim"), each.namespace]
        table.add_row(*row, *([] if links else [Text(each.verdict.message if each.verdict else "", "yellow")]))
    return table


def _usable(identifier: ProfileIdentifier) -> bool:
    return not identifier.blocked and identifier.verdict is None


def _value(identifier: IdentifierNamed) -> str:
    return "(erased)" if identifier.value is None else identifier.value


def _withheld(profile: ProfileAnswer) -> Iterable[Table]:
    if profile.withheld:
        table = _table("not one profile", "with", "because")
        for each in profile.withheld:
            table.add_row(_named(each.a), _named(each.b), Text(each.message, "yellow"))
        yield table


def _named(identifier: IdentifierNamed) -> str:
    return f"{identifier.type} {_value(identifier)}"


def _fields(profile: ProfileAnswer, candidates: bool) -> Table:
    table = _table()
    table.add_column("field", max_width=20, overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("source", no_wrap=True)
    table.add_column("since", no_wrap=True)
    table.add_column("position", justify="right", no_wrap=True)
    if candidates:
        table.add_column("why", overflow="fold")
    else:
        table.add_column("other\nclaims", justify="right", no_wrap=True)
    for field in profile.fields:
        _add_field(table, field, candidates)
        _add_candidates(table, field, candidates)
    for gone in profile.expired:
        last = gone.rule if candidates else str(gone.losing)
        table.add_row(gone.attribute, Text("(expired)", "dim"), "", "", "", last)
        _add_candidates(table, gone, candidates)
    return table


def _add_field(table: Table, field: ProfileField, candidates: bool) -> None:
    """A row for its value, or one for each value where it has several, each with its own source."""
    shown: Sequence[ProfileField | FieldItem] = field.items or [field]
    for place, each in enumerate(shown):
        why = _why(field, each) if candidates else str(field.losing or "")
        name, last = ("", "") if place else (field.attribute, why)
        since, position = _day(each.effective_at), f"{each.position:,}"
        table.add_row(name, Text(_shown(each.value)), each.source.name, since, position, last)


def _why(field: ProfileField, origin: FieldOrigin) -> str:
    until = f", until {_day(origin.expires_at)}" if origin.expires_at else ""
    return f"{field.rule}{', all values' if field.items is not None else ''}{until}"


def _add_candidates(table: Table, field: ProfileField | ExpiredField, candidates: bool) -> None:
    for each in field.candidates if candidates else ():
        times = f" ×{each.claims:,}" if each.claims > 1 else ""
        row = [f"{_shown(each.value)}{times}", each.source.name, _day(each.last_at), f"{each.position:,}", each.reason]
        table.add_row("", *(Text(cell, "dim") for cell in row))
    hidden = field.losing - sum(each.claims for each in field.candidates)
    if candidates and hidden:
        table.add_row("", Text(f"and {hidden:,} claims more", "dim"))


def _channels(profile: ProfileAnswer) -> Table:
    table = _table("channel")
    table.add_column("touchpoints", justify="right")
    table.add_column("first seen")
    table.add_column("last seen")
    for each in profile.channels:
        table.add_row(each.channel, f"{each.touchpoints:,}", _day(each.first_seen), _day(each.last_seen))
    return table


def _accounts(profile: ProfileAnswer) -> Iterable[Table]:
    """The households and companies that it was seen with, if any."""
    if profile.accounts:
        table = _table("account", "name", "first seen", "last seen")
        for each in profile.accounts:
            table.add_row(each.id, Text(each.name or each.value or ""), _day(each.first_seen), _day(each.last_seen))
        yield table


def render_difference(difference: ProfileDifference) -> RenderableType:
    """What changed of a profile: identifiers, fields, channels."""
    before, after = difference.before, difference.after
    parts: list[RenderableType] = [
        _grid(("before", _point(before.selection, before.id)), ("after", _point(after.selection, after.id))),
        *_identity_changes(difference),
        *_field_changes(difference),
        *_channel_changes(difference),
    ]
    if len(parts) == 1:
        parts.append(Text("nothing changed", "italic"))
    counted = f"{before.touchpoints:,} → {after.touchpoints:,} touchpoints"
    title = f"Profile {after.id or before.id}"
    return Panel(Group(*parts), title=title, subtitle=counted, title_align="left", expand=False)


def _point(selection: SelectionAnswer | None, profile: str | None) -> str:
    if selection is None or profile is None:
        return "nobody knew this profile"
    as_of = f"as of {_time(selection.as_of)}, " if selection.as_of else ""
    rules = f"rules {selection.identity_rules} and {selection.survivorship_rules}"
    return f"{profile}, {as_of}as known at position {selection.position:,}, {rules}"


def _identity_changes(difference: ProfileDifference) -> Iterable[Table]:
    rows = [
        *(("joined", _named(each), Text("+", "green")) for each in difference.joined),
        *(("left", _named(each), Text("−", "red")) for each in difference.left),
    ]
    rows += [("changed", _named(each), Text(each.after or "links again", "yellow")) for each in difference.verdicts]
    rows += [("from", profile, Text("+", "green")) for profile in difference.joined_from]
    rows += [("to", profile, Text("−", "red")) for profile in difference.left_to]
    if rows:
        table = _table("", "identifier or profile", "")
        for what, who, mark in rows:
            table.add_row(mark if what != "changed" else Text("~", "yellow"), f"{who}", _said(what, mark))
        yield table


def _said(what: str, mark: Text) -> Text:
    words = {"joined": "joined", "left": "left", "from": "was that of what joined", "to": "is that of what left"}
    return Text(words[what], "dim") if what in words else mark


def _field_changes(difference: ProfileDifference) -> Iterable[Table]:
    if difference.fields:
        table = _table()
        table.add_column("field", max_width=20, overflow="fold")
        for side in ("before", "after"):
            table.add_column(side, overflow="fold")
            table.add_column("source", no_wrap=True)
        for each in difference.fields:
            table.add_row(each.attribute, *_sided(each.before, "red"), *_sided(each.after, "green"))
        yield table


def _sided(value: FieldValue | None, style: str) -> tuple[Text, Text]:
    if value is None:
        return Text("(none)", "dim"), Text("")
    return Text(_shown(value.value), style), Text(value.source.name)


def _channel_changes(difference: ProfileDifference) -> Iterable[Table]:
    if difference.channels:
        table = _table("channel")
        for side in ("before", "after"):
            table.add_column(side, justify="right")
        for each in difference.channels:
            table.add_row(each.channel, f"{each.before:,}", f"{each.after:,}")
        yield table


def render_timeline(timeline: TimelineAnswer) -> RenderableType:
    """A page of touchpoints."""
    table = _table("when, UTC", "channel", "what", "source")
    table.add_column("position", justify="right", no_wrap=True)
    table.add_column("about", overflow="fold")
    for each in timeline.entries:
        about = Text(each.summary, "dim")
        position = f"{each.position:,}"
        table.add_row(_time(each.effective_at)[:16], each.channel, each.name, each.source.name, position, about)
    shown = f"{len(timeline.entries):,} touchpoints" + (", and there are more" if timeline.next else "")
    return Panel(table, title=f"Profile {timeline.profile}", subtitle=shown, title_align="left", expand=False)


def _grid(*rows: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for name, value in rows:
        table.add_row(Text(name, "bold"), value)
    return table


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", title=" ")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
