"""A vault in fresh databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdp.postgres.databases import Databases
from cdp.vault.head import Pool
from cdp.vault.vault import Vault


@pytest.fixture
def pool(databases: Databases) -> Pool:
    """Connections to an empty vault."""
    return databases.vault


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Where the key file will be."""
    return tmp_path / "keys" / "master.key"


@pytest.fixture
def vault(pool: Pool, key_file: Path) -> Vault:
    """A vault with a new ring."""
    return Vault.open(pool, key_file)
