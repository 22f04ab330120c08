"""`cdp sales`: figures and views in the terminal, as a table or drawn, and as files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from api.cli import pyramids
from api.cli.sales_tables import (
    render_dimensions,
    render_measures,
    render_plot,
    render_table,
    render_triangle,
    show,
)
from api.cli.session import opened
from api.sales_answers import as_json, evidence_answer, sales_answer
from api.sales_formats import as_file
from api.sales_grammar import FORMATS, read_question
from api.sales_reasons import reasons_sheet
from api.sales_sheets import Sheet, sheet_json
from api.sales_view_answers import affinity_sheet, cohorts_sheet, effect_sheet, pyramid_sheet, rfm_sheet
from projections.reading import snapshot
from projections.sales.question import InvalidQuestion

QUESTION = "figures"


class Questions(TyperGroup):
    """A group in which what is no subcommand is a question: `cdp sales gross --by month`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the command for questions in front where none is named."""
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "--install-completion")):
            args = [QUESTION, *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = typer.Typer(
    cls=Questions,
    help="Show sales: any measures by any dimensions, such as `cdp sales gross,orders --by month`, and views.",
)
app.add_typer(pyramids.app, name="pyramids")

By = Annotated[str | None, typer.Option(help="dimensions, such as month,channel")]
First = Annotated[str | None, typer.Option("--from", help="the first day")]
Last = Annotated[str | None, typer.Option("--to", help="the last day")]
Where = Annotated[list[str] | None, typer.Option(help="a filter, such as channel=web; several mean all")]
Zone = Annotated[str | None, typer.Option(help="the time zone of days and hours")]
Convert = Annotated[str | None, typer.Option(help="a currency to convert to, or base")]
AsOf = Annotated[str | None, typer.Option(help="the day up to which customers are judged")]
Since = Annotated[str | None, typer.Option(help="the day from which customers are judged")]
Pyramid = Annotated[str | None, typer.Option(help="the value pyramid: NAME or NAME@VERSION")]
Limit = Annotated[int, typer.Option(help="rows at most")]
Plot = Annotated[bool, typer.Option("--plot", help="draw the first measure")]
Format = Annotated[str | None, typer.Option("--format", help=", ".join(FORMATS))]
Out = Annotated[Path | None, typer.Option(help="the file to write, with --format")]


@app.command(QUESTION)
def figures(
    measures: Annotated[str | None, typer.Argument(help="such as gross,orders; `cdp sales --list` shows all")] = None,
    by: By = None,
    first: First = None,
    last: Last = None,
    where: Where = None,
    zone: Zone = None,
    convert: Convert = None,
    compare: Annotated[str | None, typer.Option(help="previous or year")] = None,
    order: Annotated[str | None, typer.Option(help="columns; a minus in front: the greatest first")] = None,
    as_of: AsOf = None,
    since: Since = None,
    pyramid: Pyramid = None,
    limit: Limit = 50,
    plot: Plot = False,
    format_: Format = None,
    out: Out = None,
    list_: Annotated[bool, typer.Option("--list", help="list all measures and dimensions")] = False,
) -> None:
    """Show any measures by any dimensions; `cdp sales gross` is short for it."""
    if list_:
        Console().print(render_measures())
        Console().print(render_dimensions())
        return
    words = {"measures": measures, "by": by, "from": first, "to": last, "zone": zone, "convert": convert}
    words |= {"compare": compare, "order": order, "limit": str(limit), "format": format_}
    words |= {"as_of": as_of, "since": since, "pyramid": pyramid}
    with opened() as platform:
        asked = read_question(platform, [*_given(words), *_filters(where or [])])
        with snapshot(platform.databases.read) as connection:
            answered = sales_answer(platform, connection, asked)
    if format_ is None:
        show(answered, render_plot(answered) if plot else render_table(answered))
    else:
        content = msgspec.json.encode(as_json(answered)) if format_ == "json" else as_file(answered, format_).content
        _write(content, out)


@app.command()
def cohorts(
    measures: Annotated[str | None, typer.Argument(help="what to show beside customers, such as gross")] = None,
    period: Annotated[str | None, typer.Option(help="week, month, quarter or year")] = None,
    first: First = None,
    last: Last = None,
    where: Where = None,
    convert: Convert = None,
    figure: Annotated[str, typer.Option("--show", help="retention, customers, or a measure asked for")] = "retention",
    plot: Annotated[bool, typer.Option("--plot", help="shade the cells")] = False,
    format_: Format = None,
    out: Out = None,
) -> None:
    """Customers by when they first bought: how many came back in each period since."""
    wanted = figure if figure not in ("retention", "customers", "size") else "customers"
    words = {
        "measures": measures or (None if format_ else wanted),
        "period": period,
        "from": first,
        "to": last,
        "convert": convert,
    }

    def draw(sheet: Sheet) -> Table:
        known = [column.name for column in sheet.columns if column.unit is not None]
        if figure not in known:
            raise InvalidQuestion(f"--show {figure!r}; expected one of {', '.join(known)}")
        return render_triangle(sheet, figure, str(sheet.about["period"]), plot)

    _view(cohorts_sheet, words, where, format_, out, draw)


@app.command()
def rfm(
    by: By = None,
    first: First = None,
    last: Last = None,
    where: Where = None,
    as_of: AsOf = None,
    since: Since = None,
    currency: Annotated[str | None, typer.Option("--in", help="the currency that customers are scored in")] = None,
    plot: Plot = False,
    format_: Format = None,
    out: Out = None,
) -> None:
    """Customers in quintiles of recency, frequency and money, by segment; --by rfm_recency,rfm_money for the scores."""
    words = {"by": by or "rfm_segment", "from": first, "to": last, "as_of": as_of, "since": since}
    words |= {"scored_in": currency, "order": None if by else "-customers"}
    _view(rfm_sheet, words, where, format_, out, render_plot if plot else render_table)


@app.command("pyramid")
def pyramid_(
    by: By = None,
    first: First = None,
    last: Last = None,
    where: Where = None,
    as_of: AsOf = None,
    since: Since = None,
    pyramid: Pyramid = None,
    plot: Plot = False,
    format_: Format = None,
    out: Out = None,
) -> None:
    """Customers in the tiers of a value pyramid, cut by any dimension; `cdp sales pyramids` defines them."""
    words = {"by": by, "from": first, "to": last, "as_of": as_of, "since": since, "pyramid": pyramid}
    _view(pyramid_sheet, words, where, format_, out, render_plot if plot else render_table)


@app.command()
def affinity(
    item: Annotated[str | None, typer.Argument(help="what goes with this; all pairs if left out")] = None,
    kind: Annotated[str | None, typer.Option(help="product, category, product_brand or department")] = None,
    by: Annotated[str | None, typer.Option(help="segments, such as customer, channel or rfm_segment")] = None,
    first: First = None,
    last: Last = None,
    where: Where = None,
    least: Annotated[int | None, typer.Option(help="orders that a pair must stand in")] = None,
    limit: Limit = 20,
    plot: Annotated[bool, typer.Option("--plot", help="draw the lift")] = False,
    format_: Format = None,
    out: Out = None,
) -> None:
    """What is bought together: with one item, or of everything."""
    words = {"item": item, "kind": kind, "by": by, "from": first, "to": last, "limit": str(limit)}
    words["least"] = None if least is None else str(least)
    _view(affinity_sheet, words, where, format_, out, lambda s: render_plot(s, "lift") if plot else render_table(s))


@app.command()
def effect(
    measures: Annotated[str, typer.Argument(help="one measure, such as product_sales or unit_price")],
    first: Annotated[str, typer.Option("--from", help="the first day of the promotion")],
    last: Annotated[str, typer.Option("--to", help="its last day")],
    where: Where = None,
    convert: Convert = None,
    compare: Annotated[str, typer.Option(help="the baseline: previous, or year for the same days then")] = "previous",
    plot: Annotated[bool, typer.Option("--plot", help="draw the average day")] = False,
    format_: Format = None,
    out: Out = None,
) -> None:
    """Before, during and after a price or a promotion, beside a named baseline."""
    words = {"measures": measures, "from": first, "to": last, "convert": convert, "compare": compare}
    drawn = f"{measures}_per_day"
    _view(effect_sheet, words, where, format_, out, lambda s: render_plot(s, drawn) if plot else render_table(s))


@app.command()
def reasons(
    by: By = None,
    first: First = None,
    last: Last = None,
    where: Where = None,
    convert: Convert = None,
    plot: Annotated[bool, typer.Option("--plot", help="draw the returns")] = False,
    format_: Format = None,
    out: Out = None,
) -> None:
    """Why sales come back: returns, refunds and cancellations by reason, with their rates."""
    words = {"by": by, "from": first, "to": last, "convert": convert}
    _view(reasons_sheet, words, where, format_, out, render_plot if plot else render_table)


@app.command()
def evidence(
    measures: Annotated[str, typer.Argument(help="one measure, such as gross")],
    first: First = None,
    last: Last = None,
    where: Where = None,
    zone: Zone = None,
    convert: Convert = None,
    as_of: AsOf = None,
    since: Since = None,
    pyramid: Pyramid = None,
    limit: Limit = 20,
    cursor: Annotated[str | None, typer.Option(help="go on where an earlier page ended")] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="print JSON, as the API answers it")] = False,
) -> None:
    """The touchpoints behind one figure, and what each adds to it."""
    words = {"measures": measures, "from": first, "to": last, "zone": zone, "convert": convert, "cursor": cursor}
    words |= {"as_of": as_of, "since": since, "pyramid": pyramid, "limit": str(limit)}
    with opened() as platform, snapshot(platform.databases.read) as connection:
        page = evidence_answer(platform, connection, [*_given(words), *_filters(where or [])])
    if as_json_:
        sys.stdout.buffer.write(msgspec.json.encode(page))
        return
    table = Table("when", "source", "what", "order", "measure", "adds")
    table.columns[-1].justify = "right"
    for each in page["items"]:
        place = (each["effective_at"][:19], each["source"], each["kind"], (each["order"] or "")[:12])
        table.add_row(*place, each["measure"], each["adds"] or "—")
    console = Console()
    console.print(table)
    for each in page["sums"]:
        console.print(f"{each['measure']}: {each['sum'] or '—'} from {each['touchpoints']:,} touchpoints")
    if page["next"]:
        console.print(f"more: --cursor {page['next']}", style="dim", soft_wrap=True)


def _view(
    view: Callable[..., Sheet],
    words: dict[str, str | None],
    where: Sequence[str] | None,
    format_: str | None,
    out: Path | None,
    draw: Callable[[Sheet], Table],
) -> None:
    """Shows a view, or writes it as a file."""
    given = [*_given(words), *_filters(where or [])]
    with opened() as platform:
        read_question(platform, [("format", format_ or "json")])
        with snapshot(platform.databases.read) as connection:
            sheet = view(platform, connection, given)
    if format_ is None:
        show(sheet, draw(sheet))
    else:
        content = msgspec.json.encode(sheet_json(sheet)) if format_ == "json" else as_file(sheet, format_).content
        _write(content, out)


def _given(words: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, text) for name, text in words.items() if text is not None]


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
