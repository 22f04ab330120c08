"""Backups of the key file."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from cdp.vault import backup, keyfile
from cdp.vault.backup import BackupUnreadable, BackupUnwritable, PassphraseNeeded, PassphraseWrong
from cdp.vault.keyfile import FileExists, KeyFileDamaged
from cdp.vault.keyring import KeyRing, OtherRing

QUICK = 2**4


@pytest.mark.parametrize("passphrase", [None, "correct horse", "parola şöyle"])
def test_a_backup_gives_back_the_same_keys(key_file: Path, tmp_path: Path, passphrase: str | None) -> None:
    ring, copy = KeyRing.create(key_file), tmp_path / "copy"
    backup.write(ring.contents, copy, passphrase, QUICK)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert backup.is_encrypted(copy) == (passphrase is not None)
    key_file.unlink()
    backup.restore(backup.read(copy, passphrase), key_file)
    assert KeyRing.load(key_file).contents == ring.contents


def test_an_encrypted_backup_shows_nothing_and_opens_with_its_passphrase_only(key_file: Path, tmp_path: Path) -> None:
    ring, copy = KeyRing.create(key_file), tmp_path / "copy"
    backup.write(ring.contents, copy, "right", QUICK)
    assert str(ring.id).encode() not in copy.read_bytes()
    with pytest.raises(PassphraseNeeded, match="CDP_KEY_PASSPHRASE"):
        backup.read(copy, None)
    with pytest.raises(PassphraseWrong):
        backup.read(copy, "wrong")


def test_a_backup_never_replaces_a_file(key_file: Path, tmp_path: Path) -> None:
    ring, copy = KeyRing.create(key_file), tmp_path / "copy"
    copy.write_text("precious")
    with pytest.raises(FileExists):
        backup.write(ring.contents, copy, None)
    assert copy.read_text() == "precious"


def test_a_folder_that_does_not_exist_is_not_made(key_file: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupUnwritable, match="mistyped"):
        backup.write(KeyRing.create(key_file).contents, tmp_path / "mistyped" / "copy", None)


def test_what_is_no_backup_is_named(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("hello")
    with pytest.raises(KeyFileDamaged, match="note"):
        backup.read(tmp_path / "note", None)
    with pytest.raises(BackupUnreadable, match="nowhere"):
        backup.read(tmp_path / "nowhere", None)


def test_an_older_backup_adds_old_versions_and_takes_no_newer_away(key_file: Path, tmp_path: Path) -> None:
    ring, copy = KeyRing.create(key_file), tmp_path / "copy"
    backup.write(ring.contents, copy, None)
    ring.keep("masters", {ring.add("masters")})
    assert set(ring.contents.masters) == {2}
    backup.restore(backup.read(copy, None), key_file)
    assert set(KeyRing.load(key_file).contents.masters) == {1, 2}


def test_a_backup_of_another_ring_replaces_nothing(key_file: Path, tmp_path: Path) -> None:
    ring, other = KeyRing.create(key_file), KeyRing.create(tmp_path / "other")
    with pytest.raises(OtherRing):
        backup.restore(other.contents, key_file)
    assert KeyRing.load(key_file).contents == ring.contents


def test_a_backup_that_contradicts_the_file_is_refused(key_file: Path) -> None:
    ring = KeyRing.create(key_file)
    foreign = msgspec.structs.replace(ring.contents, masters={1: keyfile.Version(b"x" * 32, ring.contents.created_at)})
    with pytest.raises(KeyFileDamaged, match="versions"):
        backup.restore(foreign, key_file)
