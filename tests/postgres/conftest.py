"""Homes whose server is made already: initdb takes longer than most of what is tested here."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdp.postgres.embedded import EmbeddedServer
from tests.conftest import PREFIX


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """A home as it is after its server was started and stopped for the first time."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(Path(folder) / "home", announce=lambda message: None)
        server.ensure_running()
        server.stop()
        yield server.home


@pytest.fixture
def home(home: Path, made: Path) -> Path:
    """A copy of it, with its owners, in a folder that the embedded server's account can reach."""
    subprocess.run(["cp", "-a", str(made), str(home)], check=True)
    return home
