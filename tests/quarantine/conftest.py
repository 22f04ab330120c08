"""A door into the log, and the quarantine desk behind it."""

from __future__ import annotations

import pytest

from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from tests.quarantine.counter import Counter


@pytest.fixture
def counter(settings: Settings, databases: Databases) -> Counter:
    """What came in, and what is done with what was held."""
    return Counter(Platform.over(settings, databases))
