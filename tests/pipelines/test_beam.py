"""Apache Beam carries the work out: in this process, and through the interface that Flink and Spark implement."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.archive.writing import archive
from pipelines.canonical import Digest
from pipelines.plan import Plan, tables_of
from pipelines.rebuilding import carry_out
from pipelines.runner import Beam, PipelineFailed
from pipelines.work import Engine
from projections.sales.projection import PROJECTION as SALES
from tests.acceptance.served import eventually
from tests.pipelines.archived import ArchivedWorld
from tests.pipelines.plain import plain_engine

pytest.importorskip("apache_beam", reason="pipelines need the extra `pipelines`")

Digests = dict[str, dict[int, Digest]]


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of some orders, in several segments."""
    world = ArchivedWorld()
    for number in range(300):
        order = {"order_id": f"A{number // 2}"}
        properties = {"total": f"{number}.50", "currency": "TRY", "products": [{"product_id": "tea", "price": "1"}]}
        name = "Order Completed" if number % 3 else "Order Refunded"
        world.see({"email": f"{number % 9}@example.org"}, name, at=number, properties=properties, references=order)
    folder = tmp_path_factory.mktemp("archive")
    archive(world, folder, segment_events=100)
    return folder


def built(archived: Path, work: Path, engine: Engine, up_to: int = 300) -> Digests:
    """The digests of every table of sales that does not need identity."""
    keys = {name: table.key or tuple(table.columns) for name, table in tables_of(SALES).items()}
    wanted = {name: keys[name] for name in ("order_facts", "orders", "placements")}
    rebuilt = carry_out(archived, Plan(SALES, wanted, "Europe/Istanbul", up_to, str(work)), engine)
    return {name: rebuilt.digests(name) for name in wanted}


def test_beam_gives_what_a_loop_gives(archived: Path, tmp_path: Path) -> None:
    by_beam = built(archived, tmp_path / "beam", Beam(), up_to=299)

    assert by_beam == built(archived, tmp_path / "plain", plain_engine, up_to=299)
    assert sum(digest.rows for digest in by_beam["order_facts"].values()) == 299
    assert sum(digest.rows for digest in by_beam["orders"].values()) == 150


@pytest.fixture
def job_service() -> Iterator[str]:
    """A job server of Beam's own, in a process of its own; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    module = "apache_beam.runners.portability.local_job_service_main"
    command = [sys.executable, "-m", module, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: _listens(port) or server.poll() is not None, "the job server listens", 60)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.mark.slow
def test_the_portable_job_interface_gives_the_same(archived: Path, tmp_path: Path, job_service: str) -> None:
    engine = Beam(f"--runner=PortableRunner --job_endpoint={job_service} --environment_type=LOOPBACK")

    assert built(archived, tmp_path / "portable", engine) == built(archived, tmp_path / "plain", plain_engine)


def test_what_fails_on_a_worker_is_said(archived: Path, tmp_path: Path) -> None:
    plan = Plan(SALES, {"orders": ["order_key"]}, "Nowhere/Nothing", 300, str(tmp_path))

    with pytest.raises(PipelineFailed, match="Nowhere/Nothing"):
        carry_out(archived, plan, Beam())


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
