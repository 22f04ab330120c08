"""A platform to import into."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from tests.files.importing import Desk


@pytest.fixture
def desk(settings: Settings, databases: Databases, tmp_path: Path) -> Desk:
    """A desk on fresh databases."""
    folder = tmp_path / "files"
    folder.mkdir()
    return Desk(Platform.over(settings, databases), folder)
