"""Backups of the key file, in the clear or under a passphrase."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cdp.vault import keyfile
from cdp.vault.keyfile import Contents, FileExists, KeyFileDamaged, KeyFileError, Version
from cdp.vault.keyring import OtherRing

SCRYPT_COST = 2**17
"""RFC 7914's N, with r = 8 and p = 1: 128 MiB and about half a second for each guess."""


class BackupUnreadable(KeyFileError):
    """The backup is not there, or cannot be read."""

    def __init__(self, path: Path, reason: str | None) -> None:
        super().__init__(f"cannot read {path}: {reason}. Name a backup that `cdp key backup` wrote.")


class BackupUnwritable(KeyFileError):
    """The backup cannot be written there; what may lie there is not whole."""

    def __init__(self, path: Path, reason: str | None) -> None:
        super().__init__(f"cannot write {path}: {reason}. Name a new file in a folder that exists and has space.")


class PassphraseNeeded(KeyFileError):
    """The backup is encrypted and no passphrase was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is encrypted. Give its passphrase: in CDP_KEY_PASSPHRASE, or at the prompt.")


class PassphraseWrong(KeyFileError):
    """The backup does not open with this passphrase."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not open with this passphrase, or was changed. Try again with the right one.")


class Encrypted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key file under AES-256-GCM, its key from a passphrase by scrypt."""

    kdf: Literal["scrypt"] = "scrypt"
    cost: int = SCRYPT_COST
    salt: bytes
    nonce: bytes
    sealed: bytes

    def key(self, passphrase: str) -> AESGCM:
        """The key that the passphrase gives."""
        return AESGCM(Scrypt(salt=self.salt, length=32, n=self.cost, r=8, p=1).derive(passphrase.encode()))


def write(contents: Contents, path: Path, passphrase: str | None, cost: int = SCRYPT_COST) -> None:
    """Writes a backup that only its owner can read. Raises FileExists and BackupUnwritable."""
    encoded = keyfile.encode(contents)
    if passphrase is not None:
        frame = Encrypted(cost=cost, salt=os.urandom(16), nonce=os.urandom(12), sealed=b"")
        sealed = frame.key(passphrase).encrypt(frame.nonce, encoded, None)
        encoded = msgspec.json.encode(msgspec.structs.replace(frame, sealed=sealed)) + b"\n"
    _write_new(path, encoded)


def is_encrypted(path: Path) -> bool:
    """Whether the backup needs a passphrase."""
    return _frame(_bytes(path)) is not None


def read(path: Path, passphrase: str | None) -> Contents:
    """The key file's contents in a backup. Raises PassphraseNeeded, PassphraseWrong and KeyFileDamaged."""
    encoded = _bytes(path)
    frame = _frame(encoded)
    if frame is None:
        return keyfile.decode(path, encoded)
    if passphrase is None:
        raise PassphraseNeeded(path)
    try:
        return keyfile.decode(path, frame.key(passphrase).decrypt(frame.nonce, frame.sealed, None))
    except InvalidTag:
        raise PassphraseWrong(path) from None


def restore(contents: Contents, key_file: Path) -> None:
    """Puts a backup's keys into the key file; versions that an existing file of the same ring holds besides stay.

    So an older backup brings back an old version, for an older backup of the databases, and takes no newer one away.
    Raises OtherRing for the file of another ring, KeyFileDamaged if the two disagree.
    """
    if not key_file.exists():
        keyfile.write_new(key_file, keyfile.encode(contents))
        return
    held = keyfile.read(key_file)
    if held.id != contents.id:
        raise OtherRing(key_file, held.id, contents.id)
    merged = msgspec.structs.replace(
        held,
        masters=_merged(key_file, held.masters, contents.masters),
        peppers=_merged(key_file, held.peppers, contents.peppers),
    )
    keyfile.replace(key_file, keyfile.encode(merged))


def _merged(path: Path, held: dict[int, Version], added: dict[int, Version]) -> dict[int, Version]:
    if clash := [version for version in held.keys() & added.keys() if held[version].key != added[version].key]:
        raise KeyFileDamaged(path, f"its versions {clash} are not the backup's")
    return dict(sorted((added | held).items()))


def _write_new(path: Path, encoded: bytes) -> None:
    """Unlike the key file in place, without a link: backups go to media that know none."""
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, keyfile.OWNER_ONLY)) as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise FileExists(path) from None
    except OSError as error:
        raise BackupUnwritable(path, error.strerror) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BackupUnreadable(path, error.strerror) from error


def _frame(encoded: bytes) -> Encrypted | None:
    try:
        return msgspec.json.decode(encoded, type=Encrypted)
    except msgspec.DecodeError:
        return None
