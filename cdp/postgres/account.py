"""The system account that runs the embedded server: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM_USER = "pgserver"

PASSABLE = stat.S_IXGRP | stat.S_IXOTH


class NoAccount(RuntimeError):
    """Root cannot run PostgreSQL, and the account that would run it cannot be made."""


@dataclass(frozen=True)
class Account:
    """Who runs the server: the caller, or a system user when the caller is root."""

    uid: int
    gid: int
    switched: bool

    def arguments(self) -> dict[str, Any]:
        """What `subprocess` needs to run a command as this account."""
        if not self.switched:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give a folder to the account, closed to everybody else."""
        if self.switched:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def account_for(data: Path) -> Account:
    """The account that runs the server of a data folder.

    A caller who is not root runs it. Root runs it as whoever owns an existing data folder, else as `SYSTEM_USER`, made
    when missing. Raises NoAccount.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switched=False)
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid, switched=True)
    entry = _system_user()
    return Account(entry.pw_uid, entry.pw_gid, switched=True)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _make_system_user()
        return pwd.getpwnam(SYSTEM_USER)


def _make_system_user() -> None:
    remedy = "Run cdp as an ordinary user, or set DATABASE_URL to a server that runs already."
    useradd = shutil.which("useradd", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if useradd is None:
        raise NoAccount(f"root cannot run PostgreSQL and there is no useradd to make the user {SYSTEM_USER}. {remedy}")
    made = subprocess.run(
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0 and made.returncode != 9:  # 9: another command made it in the meantime
        reason = made.stderr.strip()
        raise NoAccount(f"root cannot run PostgreSQL and could not make the user {SYSTEM_USER}: {reason}. {remedy}")


def open_path(folder: Path) -> None:
    """Let every account pass through the folders above `folder`, without letting it list them.

    Only root calls this, so that the system user reaches the data folder and PostgreSQL's programs.
    """
    closed = _closed(folder.resolve().parents)
    for parent in closed:
        parent.chmod(parent.stat().st_mode | PASSABLE)
    if closed:
        names = ", ".join(str(parent) for parent in closed)
        print(f"cdp: made passable for the system user that runs PostgreSQL: {names}", file=sys.stderr)


def _closed(folders: Iterable[Path]) -> list[Path]:
    return [folder for folder in folders if folder.stat().st_mode & PASSABLE != PASSABLE]


def open_programs(folder: Path) -> None:
    """Make PostgreSQL's programs and libraries readable, where the installation's umask closed them.

    `folder` is the wheel's; libraries lie beside it, in `NAME.libs`.
    """
    open_path(folder)
    for path in (path for part in folder.parent.glob(f"{folder.name}*") for path in [part, *part.rglob("*")]):
        if path.is_symlink() or path.suffix in (".py", ".pyc"):
            continue
        mode = path.stat().st_mode
        wanted = stat.S_IRGRP | stat.S_IROTH | (PASSABLE if mode & stat.S_IXUSR else 0)
        if mode & wanted != wanted:
            path.chmod(mode | wanted)
