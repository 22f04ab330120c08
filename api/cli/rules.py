"""Rules of identity and of survivorship on the command line: one group of commands for each kind."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.plan import show_changes
from api.cli.session import ACTOR, opened
from api.cli.text_file import read_text
from api.identity_answers import described_rules, rules_difference
from cdp.plans.comparison import Change
from cdp.policy.form import FORMS

Why = Annotated[str, typer.Option("--reason", help="why, for whoever asks later")]
File = Annotated[str, typer.Argument(metavar="FILE", help="a TOML file, or - for standard input")]

Compared = Annotated[str | None, typer.Argument(metavar="[FILE]", help="else the last version")]
Shown = Annotated[int | None, typer.Argument(help="the one in force if left out; 0 are the built-in rules")]
Chosen = Annotated[int | None, typer.Argument(help="the last one if left out; 0 for the built-in rules")]


def rules_app(kind: str, help: str) -> typer.Typer:
    """The commands of one kind of rules."""
    app, form = typer.Typer(help=help, no_args_is_help=True), FORMS[kind]

    @app.command("list")
    def list_() -> None:
        """List the versions, and who put which in force."""
        with opened() as platform:
            found = described_rules(platform, kind)
        Console().print(_table(found))

    @app.command()
    def show(
        version: Annotated[
            int | None, typer.Argument(help="the one in force if left out; 0 are the built-in rules")
        ] = None,
    ) -> None:
        """Show a version as TOML, complete."""
        with opened() as platform:
            number = platform.rule_books.active(kind) if version is None else version
            rules = platform.rule_books.rules(kind, number)
        named = f"version {number}" if number else "the built-in rules"
        typer.echo(form.write(rules, f"Rules of {kind}, {named}."), nl=False)

    @app.command()
    def draft(file: File, reason: Why = "") -> None:
        """Write a version down; nothing follows from it before it is activated."""
        rules = read_rules_file(kind, file)
        with opened() as platform:
            drafted = platform.rule_books.draft(kind, rules, actor=ACTOR, reason=reason)
        same = "" if drafted.new else ", which says the same"
        Console().print(f"version {drafted.number} of the {kind} rules{same}; next: diff, then activate")

    @app.command()
    def activate(
        version: Annotated[
            int | None, typer.Argument(help="the last one if left out; 0 for the built-in rules")
        ] = None,
        reason: Why = "",
    ) -> None:
        """Put a version in force; an older one may come back."""
        with opened() as platform:
            active = platform.rule_books.activate(kind, version, actor=ACTOR, reason=reason)
        was = "is in force" if active.new else "was in force already"
        Console().print(f"version {active.number} of the {kind} rules {was}")

    @app.command()
    def diff(
        file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="else the last version")] = None,
    ) -> None:
        """Show what a file, or the last version, would change against the rules in force."""
        rules = None if file is None else read_rules_file(kind, file)
        with opened() as platform:
            found = rules_difference(platform, kind, rules)
        console = Console(soft_wrap=True)
        if found:
            show_changes(console, [Change(*each) for each in found])
        else:
            console.print("nothing changes in the rules")

    return app


def read_rules_file(kind: str, file: str) -> Any:
    """The rules of a file, `-` for standard input."""
    return FORMS[kind].read(read_text(file))


def _table(found: dict[str, Any]) -> Table:
    """Versions and activations in the order in which they happened."""
    table = Table("version", "what", "when", "who", "why")
    events = [(each, "drafted") for each in found["versions"]] + [(each, "activated") for each in found["activations"]]
    for each, what in sorted(events, key=lambda event: event[0]["at"]):
        place = (str(each["version"]), what, each["at"][:16], erasable(each["actor"]), erasable(each["reason"]))
        table.add_row(*place)
    table.caption = Text(
        f"version {found['active']} is in force" if found["active"] else "the built-in rules are in force"
    )
    return table


def erasable(text: str | None) -> Text:
    """Who or why, where that is still known."""
    return Text("(erased)", "dim") if text is None else Text(text)
