"""kill -9 in the middle of an import: what is stored stays, and the next run stores the rest, each row once."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from cdp.imports.ledger import Ledger
from cdp.platform import Platform
from cdp.settings import Settings
from tests.acceptance.served import CDP, eventually, gone
from tests.files.importing import HEADER, SALES

pytestmark = pytest.mark.slow

ORDERS = 40_000
BAD = range(0, ORDERS, 1_000)


def write(folder: Path) -> tuple[Path, Path]:
    file, mapping = folder / "sales.csv", folder / "sales.toml"
    mapping.write_text(SALES)
    amounts = dict.fromkeys(BAD, "much")
    rows = (f"{order},2024-01-31,K{order % 500},tea,{amounts.get(order, '2.5')},2,x" for order in range(ORDERS))
    file.write_text("\n".join([HEADER, *rows]))
    return file, mapping


def accepted(platform: Platform) -> int:
    with platform.databases.log.connection() as connection:
        row = connection.execute("select coalesce(sum(accepted), 0) from outcome_count").fetchone()
    return int(row[0]) if row else 0


def test_an_import_that_was_killed_is_finished_by_the_next(settings: Settings, tmp_path: Path) -> None:
    file, mapping = write(tmp_path)
    environment = {**{name: value for name, value in os.environ.items() if not name.startswith("CDP_")}}
    environment |= settings.environment()
    command = [str(CDP), "import", str(file), "--source", "till", "--mapping", str(mapping)]
    with Platform.open(settings) as platform:
        platform.sources.add("till", channel="store", actor="test")
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
            eventually(lambda: accepted(platform) > ORDERS // 8 or killed.poll() is not None, "an eighth stored", 60)
            assert killed.poll() is None, "it was too fast to be killed"
            children = psutil.Process(killed.pid).children(recursive=True)
            killed.send_signal(signal.SIGKILL)
        gone(children)
        before = accepted(platform)
        assert ORDERS // 8 < before < ORDERS - len(BAD)

        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "Went on with an import" in done.stdout

        with platform.databases.log.connection() as connection:
            counts = connection.execute(
                "select received, accepted, duplicate, quarantined from outcome_count"
            ).fetchone()
            (import_id,) = connection.execute("select import_id from file_import").fetchone() or (None,)
        assert counts == (ORDERS, ORDERS - len(BAD), 0, len(BAD))
        assert Ledger(platform.databases.log).books(import_id).balanced
