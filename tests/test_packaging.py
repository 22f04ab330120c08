"""What is installed: every file in the wheel, locks that are complete and name no place, licences that allow it."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt", "tests/sdks/segment-2.3.3.txt")
PACKAGES = ("cdp", "projections", "pipelines", "api")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def entries(lock: str) -> Iterator[str]:
    """The requirements of a lock, each with its options on one line."""
    return iter((ROOT / lock).read_text().replace("\\\n", " ").splitlines())


def pinned(lock: str) -> dict[str, set[str]]:
    """The versions of each package; one can have several, for different versions of Python."""
    versions: dict[str, set[str]] = {}
    for entry in entries(lock):
        name, _, rest = entry.partition("==")
        versions.setdefault(canonicalize_name(name), set()).add(re.split(r"[\s;]", rest)[0])
    return versions


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_place(lock: str) -> None:
    for entry in entries(lock):
        assert re.match(r"[a-z0-9._-]+==[^ ]+.* --hash=sha256:[0-9a-f]{64}", entry), entry
        assert "://" not in entry
        assert "--index" not in entry


def test_the_locks_agree() -> None:
    use, develop = pinned("requirements.txt"), pinned("requirements-dev.txt")
    assert {name: versions for name, versions in use.items() if not versions <= develop.get(name, set())} == {}


def test_the_locks_have_what_the_project_asks_for() -> None:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    use = [*project["dependencies"], *project["optional-dependencies"]["demo"], *groups["build"]]
    develop = [*use, *project["optional-dependencies"]["pipelines"]]
    develop += [requirement for requirement in groups["dev"] if isinstance(requirement, str)]
    for lock, wanted in (("requirements.txt", use), ("requirements-dev.txt", develop)):
        versions = pinned(lock)
        for requirement in map(Requirement, wanted):
            found = versions.get(canonicalize_name(requirement.name), set())
            assert any(requirement.specifier.contains(version) for version in found), f"{requirement} in {lock}"


def test_what_users_run_is_neither_gpl_nor_agpl() -> None:
    seen = 0
    for entry in entries("requirements.txt"):
        name = entry.partition("==")[0]
        marker = re.search(r"; (.*?) --hash", entry + " --hash")
        if marker and not Marker(marker[1].strip(" ;")).evaluate():
            continue
        metadata = importlib.metadata.metadata(name).json
        classifiers = [line for line in metadata.get("classifier", []) if line.startswith("License")]
        licences = [str(metadata.get("license_expression", "")), str(metadata.get("license", "")).partition("\n")[0]]
        licences += classifiers
        seen += 1
        words = " ".join(licences).replace("LGPL", "").replace("Lesser General Public", "")
        assert not re.search(r"\bA?GPL|General Public", words), f"{name}: {licences}"
    assert seen > 30


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the project's wheel, built from a copy so that nothing is left behind here."""
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            (copy / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(built), str(copy)], check=True, capture_output=True)
    (file,) = built.iterdir()
    return set(zipfile.ZipFile(file).namelist())


@pytest.mark.slow
def test_the_wheel_has_every_module_and_every_sql_file(wheel: set[str]) -> None:
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*"):
            if file.suffix in (".py", ".sql"):
                assert str(file.relative_to(ROOT)) in wheel


@pytest.mark.slow
def test_the_wheel_has_nothing_else_and_the_licence(wheel: set[str]) -> None:
    folders = {name.partition("/")[0] for name in wheel}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
