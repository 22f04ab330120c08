"""The key file: the only place where master keys, peppers and purpose keys are stored."""

from __future__ import annotations

import os
import stat
import tempfile
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

FORMAT = 1
OWNER_ONLY = 0o600


class KeyFileError(Exception):
    """The key file cannot be used as it is."""


class KeyFileMissing(KeyFileError):
    """There is no key file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no key file at {path}. Put it back with `cdp key restore BACKUP`; "
            "without it nothing personal in the vault and the log can be read."
        )


class KeyFileExposed(KeyFileError):
    """Others than the owner may read the key file."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(
            f"the key file {path} has mode {mode:04o}: others than its owner can read it; expected {OWNER_ONLY:04o}. "
            f"Run `chmod 600 {path}`, and `cdp key rotate` if others may have read it."
        )


class KeyFileDamaged(KeyFileError):
    """The file is not a key file of a known format."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is no key file of format {FORMAT}: {reason}. Put a backup in its place with `cdp key restore`."
        )


class KeyFileUnreadable(KeyFileError):
    """The system does not let this process read the key file."""

    def __init__(self, path: Path, reason: str | None) -> None:
        super().__init__(
            f"cannot read the key file {path}: {reason}. Run as the account that owns it, or correct CDP_KEY_FILE."
        )


class FileExists(KeyFileError):
    """A file that would be written is already there; key files and backups are never overwritten."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists, and keys are never written over. Choose another name, or move it away.")


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of a key that rotates."""

    key: bytes
    created_at: datetime

    def __repr__(self) -> str:
        return f"Version(created_at={self.created_at:%Y-%m-%d})"


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a key file holds; `id` names the ring, the same one through all rotations."""

    format: int = FORMAT
    id: UUID
    created_at: datetime
    masters: dict[int, Version]
    peppers: dict[int, Version]
    purposes: dict[str, bytes]

    def __repr__(self) -> str:
        return f"Contents(id={self.id}, masters={sorted(self.masters)}, peppers={sorted(self.peppers)})"


def read(path: Path) -> Contents:
    """The contents of the key file; refuses one that others can read."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            encoded = file.read()
    except FileNotFoundError:
        raise KeyFileMissing(path) from None
    except OSError as error:
        raise KeyFileUnreadable(path, error.strerror) from error
    if mode & 0o077:
        raise KeyFileExposed(path, mode)
    return decode(path, encoded)


def decode(path: Path, encoded: bytes) -> Contents:
    """The contents in these bytes; `path` is named when they are none."""
    try:
        contents = msgspec.json.decode(encoded, type=Contents)
    except msgspec.DecodeError as error:
        raise KeyFileDamaged(path, str(error)) from error
    if contents.format != FORMAT:
        raise KeyFileDamaged(path, f"its format is {contents.format}")
    return contents


def encode(contents: Contents) -> bytes:
    """The contents as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n"


def write_new(path: Path, encoded: bytes) -> None:
    """Writes a file that only its owner can read, whole or not at all; refuses to replace one."""
    temporary = _written(path, encoded)
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise FileExists(path) from None
    finally:
        os.unlink(temporary)
    _flush_folder(path)


def replace(path: Path, encoded: bytes) -> None:
    """Writes the file anew: after a crash at any moment the old or the new contents are there, whole."""
    os.replace(_written(path, encoded), path)
    _flush_folder(path)


def _written(path: Path, encoded: bytes) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # created with mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(encoded)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _flush_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
