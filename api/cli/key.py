"""`cdp key`: the keys outside the databases, without which nothing personal can be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from cdp.postgres.databases import open_databases
from cdp.settings import Settings
from cdp.vault import backup as backups
from cdp.vault import head as heads
from cdp.vault import inventory
from cdp.vault.head import Head
from cdp.vault.inventory import Inventory
from cdp.vault.keyring import PURPOSES, KeyRing, OtherRing
from cdp.vault.rotation import rotate_master, rotate_pepper, unfinished

PASSPHRASE = "CDP_KEY_PASSPHRASE"  # noqa: S105 - the variable's name

app = typer.Typer(help="The master key: back it up, rotate it, bring it back.", no_args_is_help=True)
_console = Console(soft_wrap=True, highlight=False)


@app.command()
def show() -> None:
    """Show which versions of which keys there are and what uses them; never the keys."""
    settings = _settings()
    with open_databases(settings) as databases, databases.vault.connection() as connection:
        ring = KeyRing.load(settings.master_key)
        head = heads.serve(connection, ring)
        counted = inventory.taken(connection)
    _console.print(f"key file    {ring.path}\nring        {ring.id}\ngeneration  {head.generation}")
    _console.print(_versions(ring, head, counted))
    destroyed = ", ".join(f"{table} {count:,}" for table, count in counted.destroyed.items())
    _console.print(f"destroyed   {destroyed}")
    if unfinished(ring, "masters"):
        _console.print("`cdp key rotate` drops the former master key from the key file once no row uses it")
    if unfinished(ring, "peppers"):
        _console.print("`cdp key rotate --pepper` drops the former pepper from the key file once no row uses it")


def _versions(ring: KeyRing, head: Head, counted: Inventory) -> Table:
    table = Table("key", "version", "created", "rows that use it")
    for version, master in ring.contents.masters.items():
        uses = {place: count for (place, used), count in counted.masters.items() if used == version}
        rows = ", ".join(f"{place} {count:,}" for place, count in uses.items()) or "none"
        table.add_row("master", _marked(version, head.master), f"{master.created_at:%Y-%m-%d %H:%M}", rows)
    for version, pepper in ring.contents.peppers.items():
        rows = f"identifier {counted.peppers[version]:,}" if version in counted.peppers else "none"
        table.add_row("pepper", _marked(version, head.pepper), f"{pepper.created_at:%Y-%m-%d %H:%M}", rows)
    for purpose in PURPOSES:
        table.add_row(purpose, "for ever", f"{ring.contents.created_at:%Y-%m-%d %H:%M}", "")
    return table


def _marked(version: int, current: int) -> str:
    return f"{version} (in use)" if version == current else str(version)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    passphrase: Annotated[bool, typer.Option("--passphrase", help="Ask for a passphrase to encrypt it with.")] = False,
) -> None:
    """Copy the key file to FILE, which only you can read. Keep it apart from backups of the databases.

    With CDP_KEY_PASSPHRASE set, or --passphrase, the copy is encrypted.
    """
    ring = KeyRing.load(_settings().master_key)
    secret = os.environ.get(PASSPHRASE)
    if passphrase and not secret:
        secret = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
    backups.write(ring.contents, file, secret or None)
    _console.print(
        f"ring {ring.id} is in {file}, {'encrypted' if secret else 'not encrypted: whoever reads it has the keys'}"
    )


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A file that `cdp key backup` wrote.")]) -> None:
    """Bring the keys in FILE back; newer versions in an existing key file stay.

    An encrypted file is opened with CDP_KEY_PASSPHRASE, else it asks for the passphrase.
    """
    settings = _settings()
    secret = os.environ.get(PASSPHRASE)
    if not secret and backups.is_encrypted(file):
        secret = typer.prompt("Passphrase", hide_input=True)
    contents = backups.read(file, secret)
    with open_databases(settings) as databases, databases.vault.connection() as connection:
        head = heads.find(connection)
        if head is not None and head.ring != contents.id:
            raise OtherRing(file, contents.id, head.ring)
        backups.restore(contents, settings.master_key)
        if head is not None:
            heads.require(head, KeyRing.load(settings.master_key))
    _console.print(f"ring {contents.id} is in {settings.master_key}")


@app.command()
def rotate(
    pepper: Annotated[
        bool, typer.Option("--pepper", help="Rotate the pepper of look-ups, not the master key.")
    ] = False,
) -> None:
    """Replace the master key by a new one while everything goes on; started again, it resumes where it was killed.

    Make a backup of the key file before and after. Backups of the databases need the key file of their time.
    """
    settings = _settings()
    with open_databases(settings) as databases, Progress(console=_console) as progress:
        ring = KeyRing.load(settings.master_key)
        if unfinished(ring, "peppers" if pepper else "masters"):
            _console.print("going on with a rotation that was interrupted; run it again for a new key")
        tasks: dict[str, TaskID] = {}
        changed = 0
        for step in (rotate_pepper if pepper else rotate_master)(databases.vault, ring):
            if step.table not in tasks:
                tasks[step.table] = progress.add_task(step.table, total=1.0)
            progress.update(tasks[step.table], completed=step.reached)
            changed += step.changed
    versions = ring.contents.peppers if pepper else ring.contents.masters
    what = f"pepper {max(versions)}" if pepper else f"master key {max(versions)}"
    _console.print(f"{what} is in use, {changed:,} rows changed; now run `cdp key backup`")


def _settings() -> Settings:
    """The settings; the passphrase belongs to these commands alone and is none."""
    return Settings.from_environment({name: value for name, value in os.environ.items() if name != PASSPHRASE})
