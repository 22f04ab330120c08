"""`cdp postgres`: PostgreSQL's own programs (psql, pg_dump, pg_restore …) on the platform's server."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping

import typer
from psycopg.conninfo import conninfo_to_dict

from cdp.postgres.databases import located
from cdp.postgres.programs import programs
from cdp.settings import Settings

VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}


class NoSuchProgram(ValueError):
    """What was asked for is none of PostgreSQL's programs."""


def postgres(context: typer.Context) -> None:
    """Run psql, pg_dump or another of PostgreSQL's programs on the server that has the log, which runs meanwhile."""
    arguments = context.args or ["psql"]
    program = programs() / arguments[0]
    if program.parent != programs() or not program.is_file():
        raise NoSuchProgram(f"{arguments[0]!r}: expected a program of PostgreSQL, such as psql, pg_dump or pg_restore.")
    with located(Settings.from_environment(os.environ)) as targets:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ended = subprocess.run([str(program), *arguments[1:]], env={**os.environ, **environment(targets["log"])})
    raise typer.Exit(ended.returncode)


def environment(target: str) -> Mapping[str, str]:
    """What tells PostgreSQL's programs where a database is."""
    parts = conninfo_to_dict(target)
    return {VARIABLES[name]: str(value) for name, value in parts.items() if name in VARIABLES}
