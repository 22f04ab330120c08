"""Fixtures every test can use: a home, three fresh databases, settings that name them, the folder of real data."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from cdp.postgres.databases import Databases, open_pools
from cdp.postgres.embedded import EmbeddedServer
from cdp.postgres.lock import FileLock
from cdp.settings import Settings
from tests.postgres.cluster import Cluster, forget_projections

PREFIX = "cdp-test-"
FORGOTTEN_SECONDS = 2 * 3600
MEMORY = "/dev/shm"  # noqa: S108 - a folder of its own is made in it
OWN_SETTINGS = "_hypothesis_internal_use_settings"
ENOUGH_BYTES = 4 * 2**30


PATIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
"""A machine with much to do is no fault of what is tested."""

hypothesis.settings.register_profile("patient", PATIENT)
hypothesis.settings.register_profile("ci", PATIENT, derandomize=True)
hypothesis.settings.register_profile("fast", PATIENT, max_examples=5, derandomize=bool(os.environ.get("CI")))
# in CI the same examples each time: a submission is judged by what it changed
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "patient")


def _memory() -> str | None:
    """Where files are kept in memory, if there is enough of it; databases of no value need no disk."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(MEMORY).free > ENOUGH_BYTES and shutil.disk_usage(MEMORY).total > ENOUGH_BYTES:
            return MEMORY
    return None


@contextlib.contextmanager
def _short_folder(where: str | None = None) -> Iterator[Path]:
    """A folder outside pytest's own, which is closed to other accounts and whose path may be too long for a socket."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=where))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for CDP_HOME that the embedded server's account can reach; its server is stopped at the end."""
    with _short_folder() as folder:
        yield folder / "home"
        EmbeddedServer(folder / "home").stop()


def _sweep() -> None:
    """Stop and remove what a test run left that was killed: nobody holds its server, and it is hours old."""
    for folder in (*Path(tempfile.gettempdir()).glob(f"{PREFIX}*"), *Path(MEMORY).glob(f"{PREFIX}*")):
        lock = FileLock(folder / "home" / "holders.lock") if (folder / "home" / "holders.lock").exists() else None
        if lock is None:
            continue
        if time.time() - folder.stat().st_mtime > FORGOTTEN_SECONDS and lock.claim():
            EmbeddedServer(folder / "home").stop()
            shutil.rmtree(folder, ignore_errors=True)
        lock.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One embedded server for all tests of a process, with a migrated template of each database."""
    _sweep()
    with _short_folder(_memory()) as folder, Cluster.started(folder / "home") as cluster:
        yield cluster


@pytest.fixture
def settings(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Iterator[Settings]:
    """Settings with an empty home and three databases of their own: migrated, and with the tables of all projections.

    Where a test is marked `unbuilt` no projector has ever run on its read database.
    """
    with cluster.cloned() as urls:
        if request.node.get_closest_marker("unbuilt"):
            forget_projections(urls["read"])
        yield Settings(
            home=tmp_path / "home",
            log_url=urls["log"],
            vault_url=urls["vault"],
            read_url=urls["read"],
            allow_weak_durability=True,
            pool_size=4,
        )


@pytest.fixture
def databases(settings: Settings) -> Iterator[Databases]:
    """Pools of three databases; the ones that `settings` names."""
    urls = {"log": settings.log_url or "", "vault": settings.vault_url or "", "read": settings.read_url or ""}
    with open_pools(settings, urls) as databases:
        yield databases


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    folder = Path(os.environ.get("CDP_TEST_DATA", ""))
    if not os.environ.get("CDP_TEST_DATA") or not folder.is_dir():
        pytest.skip("CDP_TEST_DATA does not name the folder of real data")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give properties with settings of their own the patience of all; in the quick run, a few examples too.

    What takes minutes is begun first, so that no worker is left alone with it in the end.
    """
    items.sort(key=lambda item: item.get_closest_marker("real_data") is None)
    quick = config.getoption("--hypothesis-profile") == "fast"
    most = hypothesis.settings.get_profile("fast").max_examples if quick else sys.maxsize
    for function in {item.function for item in items if isinstance(item, pytest.Function)}:
        own = getattr(function, OWN_SETTINGS, None)
        if own is not None:
            checks = {*own.suppress_health_check, *PATIENT.suppress_health_check}
            few = min(own.max_examples, most)
            patient = hypothesis.settings(own, max_examples=few, suppress_health_check=sorted(checks, key=str))
            setattr(function, OWN_SETTINGS, patient)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In continuous integration a skipped test is a failed run: nothing may go untested there unnoticed."""
    if skipped := _skipped_in_ci(terminalreporter):
        terminalreporter.section("skipped, which CI=true does not allow", red=True)
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run with skipped tests into a failed one where CI=true."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and session.exitstatus == pytest.ExitCode.OK and _skipped_in_ci(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped_in_ci(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    return reporter.stats.get("skipped", []) if os.environ.get("CI") == "true" else []
