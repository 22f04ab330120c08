"""The embedded server's settings fit the memory that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdp.postgres import configuration
from cdp.postgres.configuration import memory, sized, write_configuration

GIGABYTE = 2**30


@pytest.mark.parametrize(("gigabytes", "buffers"), [(1, "128MB"), (4, "256MB"), (16, "1024MB"), (256, "1024MB")])
def test_buffers_are_a_sixteenth_of_the_memory_within_bounds(gigabytes: int, buffers: str) -> None:
    assert sized(gigabytes * GIGABYTE)["shared_buffers"] == buffers


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(configuration, "LIMIT_OF_THE_GROUP", limit)
    machine = memory()
    limit.write_text("max\n")
    assert memory() == machine
    limit.write_text(f"{256 * 2**20}\n")
    assert memory() == 256 * 2**20


def test_what_is_written_has_the_sizes(tmp_path: Path) -> None:
    write_configuration(tmp_path / "cdp.conf", tmp_path)
    assert f"shared_buffers = '{sized(memory())['shared_buffers']}'" in (tmp_path / "cdp.conf").read_text()
