"""A configuration as a folder of TOML files, for review in a repository: `sources/NAME.toml`, `plans/NAME.toml`,
`identity.toml` and `survivorship.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cdp.configuration.state import Configuration, InvalidConfiguration, SourceSetup
from cdp.plans.document import InvalidPlan
from cdp.plans.toml_form import read_plan, toml_lines, write_plan
from cdp.policy.form import FORMS

SOURCES, PLANS = "sources", "plans"
_FIELDS = ("channel", "brand", "trust", "namespaces", "disabled")

_FAULTS: tuple[type[Exception], ...] = (
    InvalidConfiguration,
    InvalidPlan,
    tomllib.TOMLDecodeError,
    UnicodeDecodeError,
    *(form.invalid for form in FORMS.values()),
)

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
    for kind, rules in configuration.rules.items():
        text = FORMS[kind].write(rules, f"Rules of {kind}; what is left out is as built in.")
        written.append(_write(folder / f"{kind}.toml", text))
    return written


def read_folder(folder: Path) -> Configuration:
    """The configuration in a folder. Raises `InvalidConfiguration`, naming the file."""
    files = {kind: folder / f"{kind}.toml" for kind in FORMS}
    if not any(part.exists() for part in (folder / SOURCES, folder / PLANS, *files.values())):
        expected = ", ".join((f"{SOURCES}/", f"{PLANS}/", *(file.name for file in files.values())))
        raise InvalidConfiguration(f"{folder} has none of {expected}; expected what config export writes")
    rules = {kind: _parsed(file, FORMS[kind].read) for kind, file in files.items() if file.exists()}
    return Configuration(_read(folder / SOURCES, _source), _read(folder / PLANS, read_plan), rules)


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
    return {file.stem: _parsed(file, parse) for file in sorted(folder.glob("*.toml"))}


def _parsed(file: Path, parse: Callable[[str], _T]) -> _T:
    try:
        return parse(file.read_text(encoding="utf-8"))
    except _FAULTS as error:
        raise InvalidConfiguration(f"{file}: {error}") from None


def _write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
    return file
