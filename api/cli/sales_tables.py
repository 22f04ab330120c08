"""Figures in the terminal: as tables, as bars, and cohorts as the triangle that people know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.sales_answers import Column, Value, measures_answer
from projections.sales.dimensions import DIMENSIONS
from projections.sales.measures import COUNT, MONEY, SHARE

BAR = 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SHADES = " ░▒▓█"


class Shown(Protocol):
    """What is shown: an answer or a view."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns with what they mean."""

    @property
    def rows(self) -> Sequence[tuple[Value, ...]]:
        """The rows."""

    @property
    def groups(self) -> int | None:
        """How many rows there are without the limit; None where nobody counted them."""

    @property
    def more(self) -> bool:
        """Whether there are rows past the limit."""

    @property
    def unconverted(self) -> Sequence[str]:
        """The currencies without a rate on some day."""


def show(answered: Shown, table: Table) -> None:
    """Prints figures, with what has to be said of them."""
    console = Console()
    if not answered.rows:
        console.print("nothing was found for this question", style="yellow")
        return
    console.print(table)
    if answered.more:
        console.print(limited(len(answered.rows), answered.groups), style="dim")
    if answered.unconverted:
        named = ", ".join(answered.unconverted)
        console.print(f"no rate is known for {named} on some day; record one: Exchange Rate Recorded", style="yellow")


def limited(rows: int, groups: int | None) -> str:
    """That these are not all rows, and of how many where that is known."""
    known = f"{rows:,} rows; there are more:" if groups is None else f"{rows:,} of {groups:,} rows;"
    return f"{known} --limit shows more"


def render_table(answered: Shown) -> Table:
    """The figures as a table."""
    table = Table()
    for column in answered.columns:
        table.add_column(column.name, justify="left" if column.unit is None else "right")
    for row in answered.rows:
        table.add_row(*(shown(column, value) for column, value in zip(answered.columns, row, strict=True)))
    return table


def render_plot(answered: Shown, drawn: str | None = None) -> Table:
    """A figure as bars, the first one unless it is named: one a row, as long as its share of the longest.

    What is below nothing has none.
    """
    columns = answered.columns
    figures = [place for place, column in enumerate(columns) if column.unit is not None]
    at = next((place for place in figures if columns[place].name == drawn), figures[0])
    labels = [place for place, column in enumerate(columns) if column.unit is None]
    values = [row[at] for row in answered.rows]
    longest = max((Decimal(value) for value in values if isinstance(value, int | Decimal)), default=Decimal(0))
    table = Table(box=None, show_header=False, padding=(0, 1), caption=columns[at].name, caption_justify="left")
    for row in answered.rows:
        value = row[at]
        length = Decimal(0)
        if isinstance(value, int | Decimal) and longest > 0 and value > 0:
            length = Decimal(value) / longest
        label = " · ".join(shown(columns[place], row[place]) for place in labels)
        table.add_row(Text(label), Text(bar(length), style="cyan"), Text(shown(columns[at], value)))
    table.columns[2].justify = "right"
    return table


def render_triangle(answered: Shown, figure: str, every: str, shaded: bool = False) -> Table:
    """Cohorts below each other, their periods side by side. Cells that time has not reached are empty.

    `shaded` draws the share of the greatest cell beside each figure.
    """
    names = [column.name for column in answered.columns]
    at, period, size = names.index(figure), names.index("period"), names.index("size")
    keys = list(range(period))
    longest = max((int(str(row[period])) for row in answered.rows), default=-1)
    values = [row[at] for row in answered.rows]
    most = max((Decimal(value) for value in values if isinstance(value, int | Decimal)), default=Decimal(0))
    table = Table(title=f"{figure} by {every}s since the first purchase", title_justify="left")
    for place in keys:
        table.add_column(names[place])
    table.add_column("size", justify="right")
    for number in range(longest + 1):
        table.add_column(str(number), justify="right")
    cohorts: dict[tuple[Value, ...], list[tuple[Value, ...]]] = {}
    for row in answered.rows:
        cohorts.setdefault(row[:period], []).append(row)
    for cohort, cells in cohorts.items():
        labels = [shown(answered.columns[place], value) for place, value in enumerate(cohort)]
        figures = [_cell(answered.columns[at], row[at], most if shaded else Decimal(0)) for row in cells]
        table.add_row(*labels, shown(answered.columns[size], cells[0][size]), *figures)
    return table


def _cell(column: Column, value: Value, most: Decimal) -> str:
    if not isinstance(value, int | Decimal):
        return ""
    shade = _SHADES[max(0, min(4, int(Decimal(value) * 4 / most + Decimal("0.5"))))] * 2 + " " if most > 0 else ""
    return shade + (f"{value * 100:.1f} %" if column.unit == SHARE else shown(column, value))


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
    """Every measure with what it means and where that comes from."""
    table = Table("measure", "unit", "definition", "source")
    for each in measures_answer():
        table.add_row(each["name"], each["unit"], each["definition"], each["source"])
    return table


def render_dimensions() -> Table:
    """Every dimension with what it means."""
    table = Table("dimension", "meaning")
    for dimension in DIMENSIONS.values():
        table.add_row(dimension.name, dimension.meaning)
    return table
