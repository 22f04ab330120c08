"""`cdp account`: households and companies, with what is known of them and who belongs to them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from api.account_answers import AccountAnswer, AccountsAnswer, account_answer, accounts_answer
from api.account_items import AccountItem
from api.cli.session import opened
from projections.accounts.account_id import account_number
from projections.reading import snapshot

app = typer.Typer(help="Households and companies, and who belongs to them.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers it.")]


@app.command("list")
def list_(
    name: Annotated[str, typer.Argument(help="beginnings of words of any name that it ever had")] = "",
    type_: Annotated[str | None, typer.Option("--type", help="of its identifier, such as group_id")] = None,
    identifier: Annotated[str | None, typer.Option(help="TYPE:VALUE, exactly")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before")] = None,
    as_json: AsJson = False,
) -> None:
    """List accounts, the one first seen last comes first."""
    with opened() as platform, snapshot(platform.databases.read) as connection:
        answer = accounts_answer(platform, connection, limit, cursor, name, type_, identifier)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        Console().print(render_accounts(answer))


@app.command()
def show(
    account: Annotated[str, typer.Argument(help="the account's id, such as a0a1b2c3d4e5f6")],
    as_json: AsJson = False,
) -> None:
    """Show an account: each field with its source, and its members."""
    with opened() as platform, snapshot(platform.databases.read) as connection:
        answer = account_answer(platform, connection, account_number(account))
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        Console().print(render_account(answer))


def render_accounts(answer: AccountsAnswer) -> RenderableType:
    """Accounts, one a line."""
    table = _table("account", "identifier", "name")
    table.add_column("touchpoints", justify="right")
    table.add_column("last seen", no_wrap=True)
    for each in answer.accounts:
        seen = f"{each.last_seen:%Y-%m-%d}"
        table.add_row(each.id, _identifier(each), Text(each.name or ""), f"{each.touchpoints:,}", seen)
    more = [Text(f"\nmore with --cursor {answer.next}", "dim", overflow="fold")] if answer.next else []
    return Group(table, *more)


def render_account(account: AccountAnswer) -> RenderableType:
    """An account in full."""
    fields = _table("field", "value", "source", "since")
    for each in account.fields:
        since = f"{each.effective_at:%Y-%m-%d}"
        fields.add_row(Text(each.attribute), Text(_shown(each.value)), each.source.name, since)
    members = _table("member", "first seen", "last seen")
    members.add_column("touchpoints", justify="right")
    for member in account.members:
        days = (f"{member.first_seen:%Y-%m-%d}", f"{member.last_seen:%Y-%m-%d}")
        members.add_row(member.profile, *days, f"{member.touchpoints:,}")
    parts: list[RenderableType] = [_identifier(account), "", fields, "", members]
    if account.more_members:
        parts.append(Text("more: GET /api/accounts/{id}/members", "dim"))
    return Panel(Group(*parts), title=f"Account {account.id}", title_align="left", expand=False)


def _identifier(account: AccountItem) -> Text:
    return Text(f"{account.type}@{account.namespace}:{account.value or '(erased)'}", overflow="fold")


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
