"""What a command works on: the platform that the environment names, and in whose name it acts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cdp.platform import Platform
from cdp.settings import Settings

ACTOR = "command line"
"""Who the log says did it: whoever may run commands here holds the master key anyway."""


@contextmanager
def opened() -> Iterator[Platform]:
    """The platform of this environment; an embedded server is found running, or runs for as long as the command."""
    with Platform.open(Settings.from_environment(os.environ)) as platform:
        yield platform
