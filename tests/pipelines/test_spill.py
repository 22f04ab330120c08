"""What a rebuild puts down on disk: read again as it was, and gone afterwards, even if it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.archive.reading import Portion
from pipelines.archive.writing import archive
from pipelines.plan import Plan
from pipelines.rebuilding import carry_out
from pipelines.spill import FOLDER, Spill
from pipelines.work import Work
from pipelines.workspace import PREFIX, workspace
from projections.sales.projection import PROJECTION as SALES
from tests.pipelines.archived import ArchivedWorld
from tests.pipelines.plain import plain_engine


@given(contents=st.lists(st.binary(max_size=300), max_size=8), settled=st.sets(st.integers(0, 7)))
def test_what_was_put_down_is_taken_up_again(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], settled: set[int]
) -> None:
    # Given two workers that put down several things each, one of them in several files
    folder = str(tmp_path_factory.mktemp("work"))
    one, another = Spill(folder), Spill(folder)
    places = []
    for number, content in enumerate(contents):
        places += [one.put(content), another.put(content[::-1])]
        if number in settled:
            one.settle()
    one.settle()
    another.settle()
    # When somebody else takes them up, in another order
    taken = {place: Spill(folder).take(place) for place in reversed(places)}
    # Then each is what it was
    assert [taken[place] for place in places] == [each for content in contents for each in (content, content[::-1])]


def test_nothing_stays_of_what_was_put_down(tmp_path: Path) -> None:
    world = ArchivedWorld()
    world.see({"email": "ada@example.org"}, "Order Completed", properties={"total": "1"})
    archive(world, tmp_path / "archive")
    plan = Plan(SALES, {"orders": ["order_key"]}, "UTC", 1, str(tmp_path / "work"))

    def engine(work: Work, portions: Sequence[Portion]) -> None:
        spill = Spill(work.folder)
        spill.put(b"anything")
        spill.settle()
        plain_engine(work, portions)

    rebuilt = carry_out(tmp_path / "archive", plan, engine)

    assert not (tmp_path / "work" / FOLDER).exists()
    assert sum(digest.rows for digest in rebuilt.digests("orders").values()) == 1


def test_the_folder_of_a_killed_rebuild_goes_and_that_of_a_running_one_stays(tmp_path: Path) -> None:
    # Given a rebuild that was killed in the middle, and one that runs
    program = (
        "import os, signal, sys; from pathlib import Path; from pipelines.workspace import workspace\n"
        "with workspace(Path(sys.argv[1])) as work:\n"
        "    (work / 'rows').write_bytes(b'x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, env=dict(os.environ))
    [left] = tmp_path.glob(f"{PREFIX}*")
    assert (left / "rows").exists()
    with workspace(tmp_path) as running, workspace(tmp_path) as new:
        # Then only the first is swept
        assert not left.exists()
        assert running.exists()
        assert new != running
    assert not list(tmp_path.glob(f"{PREFIX}*"))
