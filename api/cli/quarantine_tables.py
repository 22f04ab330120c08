"""Quarantine on a terminal: tables of plain values as `api.quarantine_answers` makes them."""

from __future__ import annotations

import json
from typing import Any

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_ID = 36
_DAY, _MINUTE, _SECOND = (len(text) for text in ("2026-03-01", "2026-03-01T12:00", "2026-03-01T12:00:00"))


def counts_table(counts: list[dict[str, Any]]) -> Table:
    """How many items there are, by source and reason."""
    table = _table("source", "state", "stage", "reason", "items", "first", "last")
    table.columns[4].justify = "right"
    for each in counts:
        days = (each["first"][:_DAY], each["last"][:_DAY])
        table.add_row(each["source"], each["state"], each["stage"], each["reason"], f"{each['items']:,}", *days)
    return table


def items_table(items: list[dict[str, Any]]) -> Table:
    """Items, one a line; their ids are never cut."""
    table = _table("id", "received (UTC)", "source", "reason", "bytes")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.columns[0].min_width, table.columns[4].justify = _ID, "right"
    for each in items:
        marks = [each["state"]] if each["state"] != "held" else []
        marks += [name for name in ("whole", "mended") if each[name]]
        reason = each["reason"] + (f" ({', '.join(marks)})" if marks else "")
        size = "" if each["bytes"] is None else f"{each['bytes']:,}"
        table.add_row(each["id"], _moment(each["received_at"], _MINUTE), each["source"], reason, size)
    return table


def outcomes_table(outcomes: list[dict[str, Any]]) -> RenderableType:
    """What became of items, one table for each delivery."""
    if not outcomes:
        return "nothing with this message id was received, or it could not be read in what is held"
    tables: dict[str, Table] = {}
    for each in outcomes:
        delivery = each["delivery_id"]
        table = tables.setdefault(delivery, _table("item", "outcome", "position", "in quarantine, with its reason"))
        position = "" if each["position"] is None else f"{each['position']:,}"
        held = f"{each['quarantine_id']} {each['reason']}" if each["quarantine_id"] else ""
        table.add_row(str(each["item"]), each["outcome"], position, held)
    titled: list[RenderableType] = []
    for delivery, table in tables.items():
        titled += [f"delivery {delivery}", table]
    return Group(*titled)


def render_item(item: dict[str, Any]) -> RenderableType:
    """One item with its history and its content."""
    facts = Table(show_header=False, box=None)
    fields = ("id", "source", "delivery", "item", "credential", "received_at", "state", "stage", "reason", "plan")
    for field in (*fields, "position", "connector", "call", "parent"):
        if item[field] is not None:
            facts.add_row(field.replace("_", " "), str(item[field]))
    if item["file"]:
        facts.add_row("file", f"row {item['file']['row']} of the file with SHA-256 {item['file']['sha256'][:16]}…")
    if item["children"]:
        facts.add_row("children", "\n".join(item["children"]))
    parts: list[RenderableType] = [facts, _history(item["history"])]
    for name in ("content", "common", "mended"):
        if item[name] is not None:
            parts += [Text(name, "bold"), _content(item[name])]
    return Group(*parts)


def render_verdict(verdict: dict[str, Any]) -> RenderableType:
    """What the reader says of new bytes: of one item, or counted."""
    if "tried" in verdict:
        others = "".join(f"\n  {reason}: {n:,}" for reason, n in verdict["reasons"].items())
        return Text(f"of the first {verdict['tried']:,} items {verdict['readable']:,} can be read{others}")
    lines = [_verdict_line(each) for each in verdict["items"][:20]]
    if len(verdict["items"]) > len(lines):
        lines.append(f"… and {len(verdict['items']) - len(lines):,} items more")
    return Text("\n".join(lines or ["it holds no items"]))


def _verdict_line(item: dict[str, Any]) -> str:
    if "reason" in item:
        return f"still {item['reason']}: {item['message']}"
    flags = f", {', '.join(item['flags'])}" if item["flags"] else ""
    return f"can be read: {item['type']}, {item['name']}, of {item['occurred_at']}{flags}"


def _history(lines: list[dict[str, Any]]) -> Table:
    table = _table("when", "what", "why", "by")
    for each in lines:
        why = ": ".join(each[name] for name in ("reason", "detail") if each[name])
        table.add_row(_moment(each["at"]), each["what"], why, each["actor"])
    return table


def _content(content: Any) -> Text:
    """As text where it is one, else as JSON."""
    if isinstance(content, dict) and "text" in content:
        return Text(content["text"])
    shown = content.get("masked", content) if isinstance(content, dict) else content
    return Text(json.dumps(shown, indent=2, ensure_ascii=False, default=str))


def _table(*columns: str) -> Table:
    return Table(*columns, box=SIMPLE, padding=(0, 1, 0, 0))


def _moment(text: str, length: int = _SECOND) -> str:
    return text[:length].replace("T", " ")
