"""A configuration as a folder of TOML files: `sources/NAME.toml` and `plans/NAME.toml`, for review in a repository."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cdp.configuration.state import Configuration, InvalidConfiguration, SourceSetup
from cdp.plans.document import InvalidPlan
from cdp.plans.toml_form import read_plan, toml_lines, write_plan

SOURCES, PLANS = "sources", "plans"
_FIELDS = ("channel", "brand", "trust", "namespaces", "disabled")

_T = TypeVar("_T")


def write_folder(folder: Path, configuration: Configuration) -> list[Path]:
    """Writes the files, each whole or not at all, and says which. Files of other names are left alone."""
    written = []
    for name, setup in sorted(configuration.sources.items()):
        text = "\n".join(toml_lines(source_tree(setup))) + "\n"
        written.append(_write(folder / SOURCES / f"{name}.toml", text))
    for name, document in sorted(configuration.plans.items()):
        text = write_plan(document, f"Tracking plan of the source {name}.")
        written.append(_write(folder / PLANS / f"{name}.toml", text))
    return written


def read_folder(folder: Path) -> Configuration:
    """The configuration in a folder. Raises `InvalidConfiguration`, naming the file."""
    if not any((folder / part).is_dir() for part in (SOURCES, PLANS)):
        raise InvalidConfiguration(f"{folder} has neither {SOURCES}/ nor {PLANS}/; expected what config export writes")
    return Configuration(_read(folder / SOURCES, _source), _read(folder / PLANS, read_plan))


def source_tree(setup: SourceSetup) -> dict[str, Any]:
    """A source as plain values, without what it has by default."""
    tree: dict[str, Any] = {"channel": setup.channel, "trust": setup.trust}
    if setup.brand is not None:
        tree["brand"] = setup.brand
    if setup.disabled:
        tree["disabled"] = True
    if setup.namespaces:
        tree["namespaces"] = dict(setup.namespaces)
    return tree


def source_of(tree: Mapping[str, Any]) -> SourceSetup:
    """The source that plain values describe. Raises `InvalidConfiguration`."""
    unknown = sorted(set(tree) - set(_FIELDS))
    if unknown:
        raise InvalidConfiguration(f"a source has {', '.join(unknown)}; expected only {', '.join(_FIELDS)}")
    namespaces = tree.get("namespaces", {})
    texts = [tree.get("channel"), tree.get("trust", ""), tree.get("brand") or ""]
    if isinstance(namespaces, dict):
        texts += namespaces.values()
    if not all(isinstance(text, str) for text in texts) or not isinstance(namespaces, dict):
        raise InvalidConfiguration("a source needs a channel; channel, trust, brand and namespaces are texts")
    if not isinstance(tree.get("disabled", False), bool):
        raise InvalidConfiguration("disabled is neither true nor false")
    return SourceSetup(**tree)


def _source(text: str) -> SourceSetup:
    return source_of(tomllib.loads(text))


def _read(folder: Path, parse: Callable[[str], _T]) -> dict[str, _T]:
    found = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            found[file.stem] = parse(file.read_text(encoding="utf-8"))
        except (InvalidConfiguration, InvalidPlan, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidConfiguration(f"{file}: {error}") from None
    return found


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
    return file
