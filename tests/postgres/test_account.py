"""The account of the server reaches its files, and gets no more than that."""

from __future__ import annotations

import os
from pathlib import Path

from cdp.postgres.account import account_for, open_path, open_programs


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_above_become_passable_not_readable(home: Path) -> None:
    inner = home.parent / "closed" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        folder.chmod(0o700)
    open_path(inner)
    assert mode(inner.parent) == 0o711
    assert mode(inner) == 0o700


def test_programs_and_their_libraries_become_readable(home: Path) -> None:
    wheel, libraries, other = (home.parent / name for name in ("wheel", "wheel.libs", "other"))
    for folder in (wheel, libraries, other):
        folder.mkdir()
        (folder / "file").touch()
        (folder / "file").chmod(0o600)
        folder.chmod(0o700)
    (wheel / "file").chmod(0o700)
    open_programs(wheel)
    assert (mode(wheel), mode(wheel / "file")) == (0o755, 0o755)
    assert (mode(libraries), mode(libraries / "file")) == (0o755, 0o644)
    assert (mode(other), mode(other / "file")) == (0o700, 0o600)


def test_postgresql_never_runs_as_root(home: Path) -> None:
    account = account_for(home / "pgdata")
    assert account.uid != 0
    assert account.switched == (os.geteuid() == 0)
