"""The key file and the ring in it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cdp.vault.keyfile import FileExists, KeyFileDamaged, KeyFileExposed, KeyFileMissing, KeyFileUnreadable
from cdp.vault.keyring import PURPOSES, KeyRing, OtherRing, VersionMissing


def test_a_ring_is_the_same_after_loading(key_file: Path) -> None:
    made = KeyRing.create(key_file)
    loaded = KeyRing.load(key_file)
    assert loaded.contents == made.contents
    assert loaded.keyed_hash("message", b"a", b"b") == made.keyed_hash("message", b"a", b"b")


def test_each_purpose_hashes_differently(key_file: Path) -> None:
    ring = KeyRing.create(key_file)
    assert len({ring.keyed_hash(purpose, b"same") for purpose in PURPOSES}) == len(PURPOSES)


def test_the_file_is_for_its_owner_only(key_file: Path) -> None:
    KeyRing.create(key_file)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_can_reach_is_refused(key_file: Path, mode: int) -> None:
    KeyRing.create(key_file)
    key_file.chmod(mode)
    with pytest.raises(KeyFileExposed, match="chmod 600"):
        KeyRing.load(key_file)


def test_a_file_is_never_written_over(key_file: Path) -> None:
    made = KeyRing.create(key_file)
    with pytest.raises(FileExists):
        KeyRing.create(key_file)
    assert KeyRing.load(key_file).contents == made.contents


def test_a_folder_in_its_place_is_no_key_file(key_file: Path) -> None:
    key_file.mkdir(parents=True)
    with pytest.raises(KeyFileUnreadable, match="CDP_KEY_FILE"):
        KeyRing.load(key_file)


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 40, b'{"format": 2}'])
def test_a_damaged_file_says_so(key_file: Path, damage: bytes) -> None:
    KeyRing.create(key_file)
    key_file.write_bytes(damage)
    with pytest.raises(KeyFileDamaged, match="cdp key restore"):
        KeyRing.load(key_file)


def test_a_missing_file_says_what_is_lost(key_file: Path) -> None:
    with pytest.raises(KeyFileMissing, match="cdp key restore"):
        KeyRing.load(key_file)


def test_another_process_finds_a_new_version_by_itself(key_file: Path) -> None:
    ring, other = KeyRing.create(key_file), KeyRing.load(key_file)
    version = ring.add("peppers")
    assert other.pepper(version)(b"x") == ring.pepper(version)(b"x")


def test_a_version_that_the_file_lacks_is_named(key_file: Path) -> None:
    ring = KeyRing.create(key_file)
    with pytest.raises(VersionMissing, match="master key 7"):
        ring.master(7)


def test_a_ring_never_turns_into_another(key_file: Path) -> None:
    ring = KeyRing.create(key_file)
    key_file.unlink()
    KeyRing.create(key_file)
    with pytest.raises(OtherRing):
        ring.reload()


def test_nothing_printed_shows_a_key(key_file: Path) -> None:
    ring = KeyRing.create(key_file)
    secrets = [ring.contents.masters[1].key, ring.contents.peppers[1].key, *ring.contents.purposes.values()]
    printed = f"{ring!r} {ring.contents!r} {ring.contents.masters!r}"
    assert not [secret for secret in secrets if repr(secret)[2:12] in printed]
