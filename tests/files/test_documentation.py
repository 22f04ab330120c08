"""The example in the documentation does what the documentation says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from cdp.platform import Platform
from cdp.settings import Settings
from cdp.sources.files import clauses, notation
from cdp.sources.files.mapping import Kind

DOCUMENT = (Path(__file__).parents[2] / "docs" / "importing.md").read_text()
BLOCKS = dict(re.findall(r"```(csv|toml|console)\n(.*?)```", DOCUMENT, re.DOTALL))


def run(settings: Settings, *arguments: str) -> str:
    done = CliRunner(env={**settings.environment(), "COLUMNS": "100"}).invoke(app, ["import", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_turkish_example(settings: Settings, tmp_path: Path) -> None:
    file, mapping = tmp_path / "satışlar.csv", tmp_path / "satışlar.toml"
    file.write_bytes(BLOCKS["csv"].replace("\n", "\r\n").encode("windows-1254"))
    mapping.write_text(BLOCKS["toml"], encoding="utf-8")
    with Platform.open(settings) as platform:
        platform.sources.add("kasa", channel="store", actor="test")
        command = (str(file), "--source", "kasa", "--mapping", str(mapping), "--workers", "0")
        tried = run(settings, *command, "--dry-run")
        assert tried.startswith(BLOCKS["console"])
        for said in ("Nothing was changed", "missing_value", "3 rows", "1 touchpoint"):
            assert said in tried
        assert platform.reader.head().position == 1  # the source
        assert "missing_value" in run(settings, *command)
        assert "nothing to do" in run(settings, *command)
        assert platform.reader.head().position == 2


@pytest.mark.parametrize(
    "words",
    [
        clauses.FORMATS,
        notation.TYPES,
        notation.ROLES,
        notation._SPECIAL,
        clauses.TESTS,
        [kind.value for kind in Kind],
    ],
)
def test_every_word_of_a_mapping_is_documented(words: tuple[str, ...]) -> None:
    for word in words:
        assert re.search(rf"\b{word}\b", DOCUMENT), word


def test_every_key_of_a_mapping_is_documented() -> None:
    source = "".join(Path(str(module.__file__)).read_text() for module in (notation, clauses))
    keys = set(re.findall(r'\.(?:text|texts|take|choice|number|switch|table|tables)\(\s*"([a-z_]+)"', source))
    assert len(keys) > 30
    for key in keys:
        assert re.search(rf"\b{key}\b", DOCUMENT), key
