"""The write keys and the service token of the demo, kept so that a second run needs no new ones.

The platform keeps hashes only, so whoever wants to send again must keep what it was given. Making new keys each time
would leave a trace in the log; a second demo is to leave none.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

FILE = "demo.json"


@dataclass
class Access:
    """Write keys by source, and the service token once there is one."""

    write_keys: dict[str, str] = field(default_factory=dict)
    token: str | None = None

    @classmethod
    def load(cls, home: Path) -> Access:
        """What an earlier demo left in this data folder; empty if there is nothing to be read."""
        try:
            return msgspec.json.decode((home / FILE).read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return cls()

    def save(self, home: Path) -> None:
        """Writes the file so that only its owner can read it, whole or not at all."""
        path, fresh = home / FILE, home / f"{FILE}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(self))
        fresh.replace(path)
