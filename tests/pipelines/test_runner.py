"""One place names the engine; whoever has no Beam is told so, and whoever needs none does not load it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.runner import EMBEDDED, Beam, BeamMissing, EngineRefused, options
from pipelines.work import Work

ROOT = Path(__file__).parents[2]


def test_the_embedded_engine_is_always_named() -> None:
    assert options()[0] == "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    assert options("--runner=PortableRunner --job_endpoint='a:1'") == [
        *EMBEDDED,
        "--runner=PortableRunner",
        "--job_endpoint=a:1",
    ]


@pytest.mark.parametrize(
    "option",
    [
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
        "--runner=DirectRunner",
        "--runner=DaskRunner",
    ],
)
def test_an_engine_that_cannot_be_relied_on_is_refused(option: str) -> None:
    with pytest.raises(EngineRefused, match=option):
        options(f"--job_name=x {option}")


def test_an_installation_without_beam_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "apache_beam" else find(name))
    work: Any = Work

    with pytest.raises(BeamMissing, match=r"pip install 'cdp\[pipelines\]'"):
        Beam()(work, [])


@pytest.mark.slow
def test_no_command_loads_beam_before_it_runs_a_pipeline() -> None:
    program = (
        "import sys; from api.cli.main import SUBCOMMANDS, load\n"
        "for name in ('archive', 'reconcile'): load(name)\n"
        "assert 'apache_beam' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_only_the_runner_and_the_flow_import_beam() -> None:
    importing = {
        path.name
        for folder in ("cdp", "projections", "pipelines", "api")
        for path in (ROOT / folder).rglob("*.py")
        if "apache_beam" in "".join(line for line in path.read_text().splitlines(True) if "import" in line)
    }

    assert importing == {"runner.py", "flow.py"}


def test_no_code_but_the_runner_knows_an_engine() -> None:
    for path in (ROOT / "pipelines").rglob("*.py"):
        if path.name != "runner.py":
            assert "FnApi" not in path.read_text(), path
