"""Whether a server keeps what it acknowledges, and whether it is new enough."""

from __future__ import annotations

from psycopg import Connection, sql

OLDEST_VERSION = 170_000
"""PostgreSQL 17 brought `transaction_timeout`, which bounds whoever holds the log's lock."""

WEAK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""The value of each setting with which a crash loses acknowledged commits, or the whole database."""


class ServerTooOld(RuntimeError):
    """The server's version lacks what the log needs."""


class WeakDurability(RuntimeError):
    """The server may lose what it has acknowledged."""


def check_version(connection: Connection) -> None:
    """Raise ServerTooOld for a server before PostgreSQL 17."""
    version = connection.info.server_version
    if version < OLDEST_VERSION:
        raise ServerTooOld(
            f"The server of database {connection.info.dbname} is PostgreSQL {version // 10_000}.{version % 10_000}; "
            "17 or newer is needed. Upgrade it, or unset DATABASE_URL to use the embedded server."
        )


def check_durability(connection: Connection) -> None:
    """Raise WeakDurability where a setting, as this session has it, lets a crash lose acknowledged commits."""
    for setting, weak in WEAK.items():
        row = connection.execute(sql.SQL("show {}").format(sql.Identifier(setting))).fetchone()
        if row is not None and row[0] == weak:
            raise WeakDurability(
                f"{setting}={weak} in database {connection.info.dbname}: expected on, or a crash loses acknowledged "
                f"touchpoints. Set it on (`alter system set {setting} = on; select pg_reload_conf();`, and look "
                "at `alter database` and `alter role` settings), or accept the loss with CDP_ALLOW_WEAK_DURABILITY=1."
            )
