"""The operator's editor on some bytes."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path


class NotEdited(Exception):
    """The editor could not be started, failed, or changed nothing."""


def edited(content: bytes, suffix: str) -> bytes:
    """What `$VISUAL` or `$EDITOR` makes of the content, in a file that only its owner can read and that is removed.

    A line end that the editor adds at the end is taken off again. Raises `NotEdited`.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"item{suffix}"
        file.touch(mode=0o600)
        file.write_bytes(content)
        try:
            subprocess.run([*command, str(file)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotEdited(f"{command[0]} did not edit the item ({error}); set EDITOR to one that runs here") from None
        found = file.read_bytes()
    if not content.endswith(b"\n"):
        found = found.removesuffix(b"\n")
    if found == content:
        raise NotEdited("the item was left as it is; nothing was stored")
    return found
