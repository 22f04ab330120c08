"""A folder for what a rebuild puts down, gone when it ends; what a killed one left goes when the next begins."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdp.postgres.lock import FileLock, exclusive

PREFIX = ".rebuild-"
_HELD = "held.lock"


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A new folder within `folder`, for the length of the block."""
    with exclusive(folder / ".rebuilds.lock"):
        _sweep(folder)
        work = Path(tempfile.mkdtemp(dir=folder, prefix=PREFIX))
        held = FileLock(work / _HELD)
        held.claim()
    try:
        yield work
    finally:
        held.close()
        shutil.rmtree(work, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Removes folders whose holders are dead: the system has let go of their locks."""
    for left in folder.glob(f"{PREFIX}*"):
        held = FileLock(left / _HELD)
        try:
            if held.claim():
                shutil.rmtree(left, ignore_errors=True)
        finally:
            held.close()
