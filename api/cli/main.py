"""The `cdp` command. Each subcommand's module is imported when that subcommand runs, so that the others start fast."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NamedTuple

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup
from typer.main import get_command, get_group

OURS = ("api", "pipelines", "projections", "cdp")
"""An error class of these packages is an answer to whoever typed the command; any other error is a bug."""


PASSING_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


class Subcommand(NamedTuple):
    """Where a subcommand lives: `function` of a module, or the module's Typer object `app` for a group.

    With `passes_on` it takes any arguments, for another program.
    """

    help: str
    module: str
    function: str | None = None
    passes_on: bool = False


SUBCOMMANDS = {
    "demo": Subcommand("Start everything and send a year of real customers through it.", "api.cli.demo", "demo"),
    "up": Subcommand("Start the databases, the API and the projector; stop with Ctrl-C.", "api.cli.serve", "up"),
    "down": Subcommand("Stop what `cdp up` started.", "api.cli.serve", "down"),
    "status": Subcommand("Show what was received and what became of it.", "api.cli.status", "status"),
    "source": Subcommand("Sources and their write keys.", "api.cli.source"),
    "plan": Subcommand("Tracking plans: what a source may send.", "api.cli.plan"),
    "config": Subcommand("Sources, plans and rules as files that can be reviewed.", "api.cli.config"),
    "quarantine": Subcommand("What could not be accepted: see it, mend it, take it in again.", "api.cli.quarantine"),
    "import": Subcommand("Import a file of rows by a mapping.", "api.cli.import_", "import_"),
    "quality": Subcommand("Show how complete, late and regular is what sources send.", "api.cli.quality", "quality"),
    "sales": Subcommand("Show sales: any measures by any dimensions, and views.", "api.cli.sales"),
    "identity": Subcommand("What makes touchpoints one person's, and what is decided about it.", "api.cli.identity"),
    "survivorship": Subcommand("Which of many claims a profile shows.", "api.cli.survivorship"),
    "projection": Subcommand("Projections: how they stand, and building one anew.", "api.cli.projection"),
    "profile": Subcommand("Find and show unified profiles.", "api.cli.profile"),
    "search": Subcommand("Search profiles by name, city, channel, source and days.", "api.cli.search", "search"),
    "account": Subcommand("Households and companies, and who belongs to them.", "api.cli.account"),
    "archive": Subcommand("Write the log to Parquet files that never change.", "api.cli.archive", "archive"),
    "reconcile": Subcommand(
        "Compare every row of projections with what batch makes of the archive.", "api.cli.reconcile", "reconcile"
    ),
    "token": Subcommand("Service tokens, which open the query API.", "api.cli.token"),
    "key": Subcommand("The master key: back it up, rotate it, bring it back.", "api.cli.key"),
    "api": Subcommand("Run the API alone, on databases that are up.", "api.cli.serve", "api"),
    "postgres": Subcommand(
        "Run psql, pg_dump and their like on the platform's server.", "api.cli.postgres", "postgres", passes_on=True
    ),
    "projector": Subcommand("Run the projector alone, on databases that are up.", "api.cli.serve", "projector"),
}


class Subcommands(TyperGroup):
    """A group that knows its subcommands' names and help, and loads the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The subcommand that the arguments name, loaded."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else None, rest

    def invoke(self, ctx: Any) -> Any:
        """Run a subcommand. An error of ours becomes its message and exit code 1; a bug keeps its traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in OURS:
                raise
            Console(stderr=True, soft_wrap=True).print(Text.assemble(("Error: ", "bold red"), str(error)))
            raise typer.Exit(1) from error


def load(name: str) -> Any:
    """The command object of a subcommand."""
    subcommand = SUBCOMMANDS[name]
    module = importlib.import_module(subcommand.module)
    if subcommand.function is None:
        command: Any = get_group(module.app)
    else:
        single = typer.Typer(add_completion=False)
        context = PASSING_ON if subcommand.passes_on else None
        single.command(name, help=subcommand.help, context_settings=context)(getattr(module, subcommand.function))
        command = get_command(single)
    command.name = name
    return command


app = typer.Typer(
    cls=Subcommands,
    help="An event-sourced customer data platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _named_only() -> None:
    """Stands for a subcommand in the list of names; `Subcommands` puts the loaded one in its place."""


for _name, _subcommand in SUBCOMMANDS.items():
    app.command(_name, help=_subcommand.help)(_named_only)

if __name__ == "__main__":
    sys.exit(app())
