"""`cdp identity`: what makes touchpoints one person's, and what people decide about it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api import identity_answers
from api.cli.explanation import described_words, render_explanation
from api.cli.rules import erasable, read_rules_file, rules_app
from api.cli.session import ACTOR, opened
from api.cli.trial import render_trial
from api.explanation_answers import explanation_answer
from api.point_in_time import point_in_time
from api.trial_answers import tried_decision, tried_rules
from cdp.policy.rule_book import IDENTITY
from projections.reading import snapshot

app = typer.Typer(help="What makes touchpoints one person's, and what is decided about it.", no_args_is_help=True)
app.add_typer(rules_app(IDENTITY, "The identity rules: versions, and which is in force."), name="rules")

_NAMED = "TYPE:VALUE such as email:ada@example.com, or TYPE@NAMESPACE:VALUE such as user_id@shop:42"
A = Annotated[str, typer.Argument(metavar="A", help=_NAMED)]
B = Annotated[str, typer.Argument(metavar="B", help=_NAMED)]
Rules = Annotated[
    str | None, typer.Argument(metavar="[RULES.toml]", help="else the last version; - for standard input")
]
MaybeB = Annotated[str | None, typer.Argument(metavar="[B]", help=_NAMED)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only show which profiles would merge or split")]
Why = Annotated[str, typer.Option("--reason", help="why, for whoever asks later")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers it.")]

_DONE = {
    "link": "are one person's from now on",
    "unlink": "are never one person's from now on",
    "block": "says nothing about anybody from now on",
    "release": "are judged by the rules alone from now on",
}


@app.command()
def link(a: A, b: B, reason: Why, dry_run: DryRun = False) -> None:
    """Say that two identifiers are one person's, whatever limits say."""
    _decide("link", [a, b], reason, dry_run)


@app.command()
def unlink(a: A, b: B, reason: Why, dry_run: DryRun = False) -> None:
    """Say that two identifiers are never one person's; takes the place of a link."""
    _decide("unlink", [a, b], reason, dry_run)


@app.command()
def block(a: A, reason: Why, dry_run: DryRun = False) -> None:
    """Say that an identifier says nothing about anybody."""
    _decide("block", [a], reason, dry_run)


@app.command()
def release(a: A, reason: Why, b: MaybeB = None, dry_run: DryRun = False) -> None:
    """Take back what was decided of a pair, or that an identifier is blocked."""
    _decide("release", [a, b] if b else [a], reason, dry_run)


@app.command()
def decisions(
    of: Annotated[str | None, typer.Option(metavar="A", help=f"only about this identifier: {_NAMED}")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="how many at most")] = 50,
    cursor: Annotated[int | None, typer.Option(min=1, help="go on before this position")] = None,
    as_json: AsJson = False,
) -> None:
    """List everything that was decided, with who, when and why, the latest first."""
    with opened() as platform:
        page = identity_answers.decisions(platform, limit, cursor, of)
    console = Console(soft_wrap=as_json)
    if as_json:
        console.print_json(data=page)
        return
    table = Table("position", "when", "what", "of", "who", "why")
    for each in page["decisions"]:
        place = (str(each["position"]), each["at"][:16], each["kind"], _of(each))
        table.add_row(*place, erasable(each["actor"]), erasable(each["reason"]))
    console.print(table)
    if page["next"] is not None:
        console.print(f"more: --cursor {page['next']}")


@app.command()
def explain(
    a: A,
    b: B,
    as_of: Annotated[str | None, typer.Option(help="what was true at this moment")] = None,
    known_at: Annotated[str | None, typer.Option(help="as known at this position of the log, or at this time")] = None,
    as_json: AsJson = False,
) -> None:
    """Show by which touchpoints and decisions two identifiers are one profile, or every reason why they are not."""
    with opened() as platform:
        point = point_in_time(platform, as_of, known_at)
        with snapshot(platform.databases.read) as connection:
            found = explanation_answer(platform, connection, a, b, point)
    console = Console(soft_wrap=True)
    if as_json:
        console.print_json(data=found)
    else:
        console.print(render_explanation(found))


@app.command("try")
def try_(
    file: Rules = None,
    limit: Annotated[int, typer.Option(min=0, help="how many changes to name; all are counted")] = 100,
    as_json: AsJson = False,
) -> None:
    """Name every profile that would merge or split under other rules. Nothing is changed."""
    rules = None if file is None else read_rules_file(IDENTITY, file)
    with opened() as platform, snapshot(platform.databases.read) as connection:
        candidate = identity_answers.last_version(platform, IDENTITY) if rules is None else rules
        found = tried_rules(platform, connection, candidate, limit)
    console = Console(soft_wrap=True)
    if as_json:
        console.print_json(data=found)
    else:
        console.print(render_trial(found))


def _decide(kind: str, named: list[str], reason: str, dry_run: bool) -> None:
    with opened() as platform:
        if dry_run:
            with snapshot(platform.databases.read) as connection:
                Console(soft_wrap=True).print(render_trial(tried_decision(platform, connection, kind, named)))
            return
        taken = identity_answers.decide(platform, kind, named, ACTOR, reason)
    told = " and ".join(map(described_words, taken["identifiers"]))
    done = _DONE[kind] if len(named) > 1 or kind != "release" else _DONE[kind].replace("are", "is")
    Console(soft_wrap=True).print(Text(f"{told} {done}" if taken["new"] else f"{told}: decided already"))


def _of(decision: dict[str, Any]) -> Text:
    if decision["rules"]:
        return Text(f"version {decision['version']} of the {decision['rules']} rules")
    return Text("\n".join(map(described_words, decision["identifiers"])))
