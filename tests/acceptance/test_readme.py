"""The README's examples are run, and print what it says; dates and profile ids apart; `…` stands for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.served import Served, served

README = Path(__file__).parent.parent.parent / "README.md"
_BLOCK = re.compile(r"<!-- run -->\n```(\w+)\n(.*?)```", re.DOTALL)
_DATE = re.compile(r"\d{4}\\-\d\d\\-\d\d")
_END = "=== end of output ==="


class Step(NamedTuple):
    """A command and what it prints."""

    command: str
    output: str


def steps() -> Iterator[Step]:
    for language, text in _BLOCK.findall(README.read_text()):
        if language == "python":
            yield Step(f"{sys.executable} - <<'PYTHON'\n{text}PYTHON", "")
        else:
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield Step(command, output)


def pattern(output: str) -> re.Pattern[str]:
    lines = (re.escape(line.rstrip()).replace("…", ".*") for line in output.rstrip().splitlines())
    text = re.sub(r"p[0-9a-z]{13}", "p[0-9a-z]{13}", "\n".join(lines))
    return re.compile(_DATE.sub(r"\\d{4}-\\d\\d-\\d\\d", text), re.DOTALL)


@pytest.mark.slow
def test_the_readmes_examples_print_what_it_says(tmp_path: Path) -> None:
    with served() as running:
        shell = _shell(running)
        for step in steps():
            printed = _run(shell, step.command)
            if "profile find" in step.command:
                while "web" not in printed or "loyalty_card" not in printed:
                    printed = _run(shell, step.command)
            assert pattern(step.output).fullmatch(printed.rstrip()), f"$ {step.command}\n{printed}"
        assert shell.stdin is not None
        shell.stdin.close()
        assert shell.wait(10) == 0


def _shell(running: Served) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "CDP_HOME": str(running.home), "CDP": running.url, "COLUMNS": "100", "PATH": path}
    return subprocess.Popen(
        ["bash"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _run(shell: subprocess.Popen[str], command: str) -> str:
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{command}\necho\necho '{_END}'\n")
    shell.stdin.flush()
    lines = []
    for line in shell.stdout:
        if line.strip() == _END:
            break
        lines.append(line.rstrip())
    return "\n".join(lines).strip("\n")
