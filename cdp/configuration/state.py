"""What is set up, as values that can be written to files, compared and brought about: sources, their plans, rules.

Write keys are no part of it, and what a configuration leaves out stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cdp.plans.comparison import Change, compare
from cdp.plans.document import PlanDocument, stored_document
from cdp.platform import Platform
from cdp.policy.form import FORMS
from cdp.policy.rule_book import KINDS
from cdp.sources.source import Source

APPLIED = "a configuration was applied"
"""The reason that is recorded for rules which a configuration changes."""


class InvalidConfiguration(ValueError):
    """The configuration cannot be brought about; the message says what and what to do. Nothing was changed."""


@dataclass(frozen=True)
class SourceSetup:
    """How a source is set up, without its keys."""

    channel: str
    brand: str | None = None
    trust: str = "server"
    namespaces: Mapping[str, str] = field(default_factory=dict)
    disabled: bool = False

    @classmethod
    def of(cls, source: Source) -> SourceSetup:
        """How this source is set up."""
        return cls(source.channel, source.brand, source.trust, dict(source.namespaces), source.disabled)


@dataclass(frozen=True)
class Configuration:
    """Sources and the plans in force, by the names of the sources, and the rules in force by their kinds."""

    sources: Mapping[str, SourceSetup] = field(default_factory=dict)
    plans: Mapping[str, PlanDocument] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)


class Done(NamedTuple):
    """What a step has done: a write key where it made one, or the number of the version that it activated."""

    write_key: str | None = None
    version: int | None = None


@dataclass(frozen=True)
class Step:
    """One thing that differs from the configuration, and how to bring it about."""

    action: str
    name: str
    changes: tuple[Change, ...]
    carry_out: Callable[[str], Done]


def present(platform: Platform) -> Configuration:
    """What is set up now. A plan of which no version is active is no part of it."""
    platform.registry.refresh()
    sources = {source.name: SourceSetup.of(source) for source in platform.registry.sources()}
    plans = {
        plan.name: stored_document(plan.mode, plan.content)
        for plan in platform.registry.tracking_plans()
        if plan.content is not None
    }
    return Configuration(sources, plans, {kind: platform.rule_books.rules(kind) for kind in KINDS})


def steps(platform: Platform, wanted: Configuration) -> list[Step]:
    """What has to be done for everything to be as wanted, in order. Raises `InvalidConfiguration`."""
    now = present(platform)
    for name in wanted.plans:
        if name not in now.sources and name not in wanted.sources:
            raise InvalidConfiguration(
                f"there is a plan for {name!r}, but no such source here or on the platform; add sources/{name}.toml"
            )
    sources = [step for name, setup in wanted.sources.items() for step in _source(platform, now, name, setup)]
    plans = [step for name, document in wanted.plans.items() for step in _plan(platform, now, name, document)]
    rules = [step for kind, each in wanted.rules.items() for step in _rules(platform, wanted, kind, each)]
    return sources + plans + rules


def _source(platform: Platform, now: Configuration, name: str, wanted: SourceSetup) -> Iterator[Step]:
    there = now.sources.get(name)
    if there is None:
        changes = tuple(Change(None, path, None, value) for path, value in _facts(wanted).items())
        platform.sources.check(name, channel=wanted.channel, trust=wanted.trust)
        yield Step("add source", name, changes, lambda actor: _add(platform, name, wanted, actor))
        there = SourceSetup(wanted.channel, wanted.brand, wanted.trust, wanted.namespaces)
    before, after = _facts(there), _facts(wanted)
    fixed = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    if fixed:
        told = ", ".join(f"{path} ({before.get(path) or 'nothing'} → {after.get(path) or 'nothing'})" for path in fixed)
        raise InvalidConfiguration(
            f"source {name!r} differs in {told}; that cannot be changed once touchpoints refer to it: set up another "
            f"source, or write into the file what the platform has"
        )
    if there.disabled and not wanted.disabled:
        raise InvalidConfiguration(
            f"source {name!r} is disabled and cannot be enabled again; write disabled = true, or set up another source"
        )
    if wanted.disabled and not there.disabled:
        change = (Change(None, "disabled", "false", "true"),)
        yield Step("disable source", name, change, lambda actor: _disable(platform, name, actor))


def _plan(platform: Platform, now: Configuration, name: str, wanted: PlanDocument) -> Iterator[Step]:
    there = now.plans.get(name)
    if there is not None and there.content() == wanted.content():
        if there.mode != wanted.mode:
            change = (Change(None, "mode", there.mode, wanted.mode),)
            yield Step("set mode of plan", name, change, lambda actor: _set_mode(platform, name, wanted.mode, actor))
        return
    yield Step(
        "draft and activate plan",
        name,
        tuple(compare(there, wanted)),
        lambda actor: _activate(platform, name, wanted, actor),
    )


def _rules(platform: Platform, wanted: Configuration, kind: str, rules: Any) -> Iterator[Step]:
    form = FORMS[kind]
    differences = form.differences(platform.rule_books.rules(kind), rules)
    if differences:
        platform.rule_books.check(kind, rules, wanted.sources)
        changes = tuple(Change(*each) for each in differences)
        yield Step("draft and activate rules of", kind, changes, lambda actor: _enforce(platform, kind, rules, actor))


def _facts(setup: SourceSetup) -> dict[str, str]:
    """What of a source never changes."""
    facts = {"channel": setup.channel, "trust": setup.trust}
    if setup.brand is not None:
        facts["brand"] = setup.brand
    return facts | {f"namespaces.{type_}": namespace for type_, namespace in sorted(setup.namespaces.items())}


def _add(platform: Platform, name: str, setup: SourceSetup, actor: str) -> Done:
    key = platform.sources.add(
        name,
        channel=setup.channel,
        brand=setup.brand,
        trust=setup.trust,
        namespaces=setup.namespaces,
        actor=actor,
    )
    return Done(write_key=key)


def _disable(platform: Platform, name: str, actor: str) -> Done:
    platform.sources.disable(name, actor=actor)
    return Done()


def _set_mode(platform: Platform, name: str, mode: str, actor: str) -> Done:
    return Done(version=platform.plans.set_mode(name, mode, actor=actor).number)


def _activate(platform: Platform, name: str, document: PlanDocument, actor: str) -> Done:
    drafted = platform.plans.draft(name, document, actor=actor)
    return Done(version=platform.plans.activate(name, drafted.number, mode=document.mode, actor=actor).number)


def _enforce(platform: Platform, kind: str, rules: Any, actor: str) -> Done:
    drafted = platform.rule_books.draft(kind, rules, actor=actor, reason=APPLIED)
    return Done(version=platform.rule_books.activate(kind, drafted.number, actor=actor, reason=APPLIED).number)
