"""`cdp sales`: figures in the terminal, as a table or drawn, and as files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.session import opened
from api.sales_answers import Column, SalesAnswer, Value, as_json, sales_answer
from api.sales_formats import as_file
from api.sales_grammar import FORMATS, read_question
from projections.reading import snapshot
from projections.sales.measures import COUNT, MEASURES, MONEY, SHARE
from projections.sales.question import InvalidQuestion

BAR = 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def sales(
    measures: Annotated[str | None, typer.Argument(help="such as gross,orders; `cdp sales --list` shows all")] = None,
    by: Annotated[str | None, typer.Option(help="dimensions, such as month,channel")] = None,
    first: Annotated[str | None, typer.Option("--from", help="the first day")] = None,
    last: Annotated[str | None, typer.Option("--to", help="the last day")] = None,
    where: Annotated[list[str] | None, typer.Option(help="a filter, such as channel=web; several mean all")] = None,
    zone: Annotated[str | None, typer.Option(help="the time zone of days and hours")] = None,
    convert: Annotated[str | None, typer.Option(help="a currency to convert to, or base")] = None,
    compare: Annotated[str | None, typer.Option(help="previous or year")] = None,
    order: Annotated[str | None, typer.Option(help="columns; a minus in front: the greatest first")] = None,
    limit: Annotated[int, typer.Option(help="rows at most")] = 50,
    plot: Annotated[bool, typer.Option("--plot", help="draw the first measure")] = False,
    format_: Annotated[str | None, typer.Option("--format", help=", ".join(FORMATS))] = None,
    out: Annotated[Path | None, typer.Option(help="the file to write, with --format")] = None,
    list_: Annotated[bool, typer.Option("--list", help="list all measures with their definitions")] = False,
) -> None:
    """Show sales: any measures by any dimensions."""
    if list_:
        Console().print(render_measures())
        return
    words = {"measures": measures, "by": by, "from": first, "to": last, "zone": zone, "convert": convert}
    words |= {"compare": compare, "order": order, "limit": str(limit), "format": format_}
    given = [(name, text) for name, text in words.items() if text is not None]
    with opened() as platform:
        asked = read_question(platform, [*given, *_filters(where or [])])
        with snapshot(platform.databases.read) as connection:
            answered = sales_answer(platform, connection, asked)
    if format_ is None:
        _show(answered, plot)
    else:
        content = msgspec.json.encode(as_json(answered)) if format_ == "json" else as_file(answered, format_).content
        _write(content, out)


def _filters(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise InvalidQuestion(f"--where {each!r}; expected a dimension and its value, such as channel=web")
        yield name, value


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        out.write_bytes(content)


def _show(answered: SalesAnswer, plot: bool) -> None:
    console = Console()
    console.print(render_plot(answered) if plot else render_table(answered))
    if answered.groups > len(answered.rows):
        console.print(f"{len(answered.rows):,} of {answered.groups:,} rows; --limit shows more", style="dim")
    if answered.unconverted:
        console.print(f"no rate is known for {', '.join(answered.unconverted)} on some day", style="yellow")


def render_table(answered: SalesAnswer) -> Table:
    """The figures as a table."""
    table = Table()
    for column in answered.columns:
        table.add_column(column.name, justify="left" if column.unit is None else "right")
    for row in answered.rows:
        table.add_row(*(shown(column, value) for column, value in zip(answered.columns, row, strict=True)))
    return table


def render_plot(answered: SalesAnswer) -> Table:
    """The first measure as bars: one a row, as long as its share of the longest. What is below nothing has none."""
    at = next(place for place, column in enumerate(answered.columns) if column.unit is not None)
    values = [row[at] for row in answered.rows]
    longest = max((Decimal(value) for value in values if isinstance(value, int | Decimal)), default=Decimal(0))
    table = Table(box=None, show_header=False, padding=(0, 1))
    for row in answered.rows:
        value = row[at]
        length = (
            Decimal(value) / longest if isinstance(value, int | Decimal) and longest > 0 and value > 0 else Decimal(0)
        )
        label = " · ".join(shown(column, each) for column, each in zip(answered.columns[:at], row[:at], strict=True))
        table.add_row(Text(label), Text(bar(length), style="cyan"), Text(shown(answered.columns[at], value)))
    table.columns[2].justify = "right"
    return table


def bar(share: Decimal) -> str:
    """A bar, exact to an eighth of a character."""
    eighths = int(share * BAR * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def shown(column: Column, value: Value) -> str:
    """A value for people: thousands apart, shares as per cent."""
    if value is None:
        return "—" if column.unit is not None else "(none)"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M%z")
    if isinstance(value, date | str):
        return str(value)
    if column.unit == SHARE:
        return f"{value * 100:.2f} %"
    return f"{value:,}" if column.unit in (COUNT, MONEY) or isinstance(value, Decimal) else str(value)


def render_measures() -> Table:
    """Every measure with what it means."""
    table = Table("measure", "unit", "definition")
    for measure in MEASURES.values():
        table.add_row(measure.name, measure.unit, measure.definition)
    return table
