"""The demo's keys survive until the next demo, for their owner only."""

from __future__ import annotations

from pathlib import Path

from api.demo.access import FILE, Access


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    access = Access({"store-tills": "secret"}, "token")

    access.save(tmp_path)

    assert Access.load(tmp_path) == access
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_nothing_saved_is_nothing_loaded(tmp_path: Path) -> None:
    assert Access.load(tmp_path) == Access()


def test_a_damaged_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")

    assert Access.load(tmp_path) == Access()
