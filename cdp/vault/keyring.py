"""The ring of keys that live outside the databases: master keys, peppers, and one key for each purpose."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from uuid import UUID, uuid4

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cdp.vault import keyfile
from cdp.vault.keyfile import Contents, KeyFileError, Version
from cdp.vault.mac import Mac, framed
from cdp.vault.wrapping import fresh_keys

Kind = Literal["masters", "peppers"]
Purpose = Literal["message", "reference", "fingerprint", "suppression", "do_not_contact"]
PURPOSES: Final[tuple[Purpose, ...]] = ("message", "reference", "fingerprint", "suppression", "do_not_contact")


class VersionMissing(KeyFileError):
    """The vault names a version of a key that the key file does not hold."""

    def __init__(self, kind: str, version: int, path: Path, held: list[int]) -> None:
        super().__init__(
            f"the vault uses {kind} {version}, but {path} holds {kind} {', '.join(map(str, held))} only: the file is "
            "older than the vault. Copy the current key file there, or run `cdp key restore` with a newer backup."
        )


class OtherRing(KeyFileError):
    """The keys belong to another vault."""

    def __init__(self, path: Path, found: UUID, expected: UUID) -> None:
        super().__init__(
            f"{path} holds ring {found}, but this vault was made with ring {expected}. "
            "Point to the key file of this vault, or bring it back with `cdp key restore BACKUP`."
        )


class KeyRing:
    """The keys of one key file, ready for use.

    Rotation changes the file while other processes run: a version that is not known yet makes the ring read its file
    again. Purpose keys never change, because what they hash is not kept and could not be hashed anew.
    """

    def __init__(self, path: Path, contents: Contents) -> None:
        self.path = path
        self._purposes = {purpose: Mac(contents.purposes[purpose]) for purpose in PURPOSES}
        self._take(contents)

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """The ring of an existing key file."""
        return cls(path, keyfile.read(path))

    @classmethod
    def create(cls, path: Path) -> KeyRing:
        """A new ring in a new file; refuses to replace one."""
        now = datetime.now(UTC)
        master, pepper, *purposes = fresh_keys(2 + len(PURPOSES))
        contents = Contents(
            id=uuid4(),
            created_at=now,
            masters={1: Version(master, now)},
            peppers={1: Version(pepper, now)},
            purposes=dict(zip(PURPOSES, purposes, strict=True)),
        )
        keyfile.write_new(path, keyfile.encode(contents))
        return cls(path, contents)

    @property
    def id(self) -> UUID:
        """The name of the ring: a vault is bound to one."""
        return self.contents.id

    @property
    def check(self) -> bytes:
        """A value that only the true keys of this ring give, to be stored beside its id."""
        return self._purposes["message"](framed((b"ring check", self.id.bytes)))

    def keyed_hash(self, purpose: Purpose, *parts: bytes) -> bytes:
        """HMAC-SHA256 of the parts, each framed by its length, under the purpose's key."""
        return self._purposes[purpose](framed(parts))

    def pepper(self, version: int) -> Mac:
        """The keyed hash of look-ups under this version of the pepper."""
        if version not in self._peppers:
            self.reload()
        if version not in self._peppers:
            raise VersionMissing("pepper", version, self.path, sorted(self._peppers))
        return self._peppers[version]

    def master(self, version: int) -> AESGCM:
        """The cipher of this version of the master key."""
        if version not in self._masters:
            self.reload()
        if version not in self._masters:
            raise VersionMissing("master key", version, self.path, sorted(self._masters))
        return self._masters[version]

    def reload(self) -> None:
        """Reads the key file again."""
        contents = keyfile.read(self.path)
        if contents.id != self.id:
            raise OtherRing(self.path, contents.id, self.id)
        self._take(contents)

    def add(self, kind: Kind) -> int:
        """Writes a new version into the file and gives its number."""
        self.reload()
        versions: dict[int, Version] = getattr(self.contents, kind)
        newest = max(versions) + 1
        (key,) = fresh_keys(1)
        self._store(kind, versions | {newest: Version(key, datetime.now(UTC))})
        return newest

    def keep(self, kind: Kind, versions: Collection[int]) -> None:
        """Drops every other version from the file, for ever."""
        self.reload()
        held: dict[int, Version] = getattr(self.contents, kind)
        self._store(kind, {version: held[version] for version in held if version in versions})

    def _store(self, kind: Kind, versions: dict[int, Version]) -> None:
        contents = msgspec.structs.replace(self.contents, **{kind: versions})
        keyfile.replace(self.path, keyfile.encode(contents))
        self._take(contents)

    def _take(self, contents: Contents) -> None:
        self.contents = contents
        self._peppers = {version: Mac(pepper.key) for version, pepper in contents.peppers.items()}
        self._masters = {version: AESGCM(master.key) for version, master in contents.masters.items()}
