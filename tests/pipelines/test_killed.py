"""kill -9 in the middle of archiving: what a manifest names is whole, and the next run writes the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cdp.log.header import encode_header
from cdp.log.reader import LogReader
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from pipelines.archive.manifest import load_manifest
from pipelines.archive.verifying import verify
from pipelines.archive.writing import archive
from tests.acceptance.served import eventually
from tests.projections.world import SPACE, World

pytestmark = pytest.mark.slow

EVENTS = 40_000
SEGMENT = 2_500
_FILL = """
insert into event (position, originator_id, originator_version, topic, recorded_at, header, business)
select number, %(stream)s, number, 'touchpoint.v1', now(), %(header)s, sha256(number::text::bytea)
from generate_series(1, %(events)s) as number
"""
_PROGRAM = """
import os, sys
from pathlib import Path
from cdp.platform import Platform
from cdp.settings import Settings
from pipelines.archive.writing import archive
with Platform.open(Settings.from_environment(os.environ)) as platform:
    archive(platform.reader, Path(sys.argv[1]), segment_events=int(sys.argv[2]))
"""


def fill(databases: Databases) -> None:
    """A log of many events, put there directly."""
    header = encode_header(World().see({"email": "ada@example.org"}).header)
    with databases.log.connection() as connection, connection.transaction():
        connection.execute(_FILL, {"header": header, "events": EVENTS, "stream": SPACE})
        connection.execute("update log_head set position = %s, recorded_at = now()", [EVENTS])


def archived(folder: Path) -> int:
    manifest = load_manifest(folder)
    return manifest.last if manifest else 0


def test_an_archive_that_was_killed_is_finished_by_the_next(
    databases: Databases, settings: Settings, tmp_path: Path
) -> None:
    # Given a run that is killed while it writes a segment, and another
    fill(databases)
    reader, folder = LogReader(databases.log), tmp_path / "archive"
    others = {name: value for name, value in os.environ.items() if not name.startswith("CDP_")}
    command = [sys.executable, "-c", _PROGRAM, str(folder), str(SEGMENT)]
    for share in (EVENTS // 4, EVENTS // 2):
        with subprocess.Popen(command, env=others | settings.environment()) as killed:
            eventually(lambda share=share: archived(folder) >= share or killed.poll() is not None, "a share", 60)  # type: ignore[misc]
            assert killed.poll() is None, "it was too fast to be killed"
            killed.send_signal(signal.SIGKILL)
        # Then what the manifest names is whole and the log's
        there = archived(folder)
        assert share <= there < EVENTS
        assert verify(reader, folder).events == there
    before = {path.name: path.stat().st_ino for path in folder.glob("*.parquet")}
    named = {segment.file for segment in (load_manifest(folder) or pytest.fail("no manifest")).segments}
    # And the next run writes the rest only, and leaves nothing else behind
    assert archive(reader, folder).written == EVENTS - there
    after = {path.name: path.stat().st_ino for path in folder.glob("*.parquet")}
    assert {name: before[name] for name in named}.items() <= after.items()
    assert len(after) == EVENTS // SEGMENT
    assert not list(folder.glob(".*.partial"))
    assert verify(reader, folder).events == EVENTS
