"""What the API answers about profiles, put together: names for sources, values for identifiers, reasons in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from api.account_items import account_items
from api.identity_words import verdict_message, withheld_message
from api.profile_groups import GroupAt, ProfileReader
from api.profile_models import (
    ExpiredField,
    FieldItem,
    IdentifierNamed,
    LosingCandidate,
    ProfileAnswer,
    ProfileChannel,
    ProfileField,
    ProfileIdentifier,
    SelectionAnswer,
    SourceNamed,
    TimelineAnswer,
    TimelineEntry,
    VerdictAnswer,
    WithheldAnswer,
)
from cdp.identity import normalise
from cdp.identity.evidence import Node
from cdp.identity.findings import Resolution, Withheld
from cdp.identity.identifier import GLOBAL, Identifier
from cdp.platform import Platform
from cdp.survivorship.choice import Chosen, Lost
from projections.accounts.queries import accounts_of
from projections.profiles.queries import Field, Kind, holders, read_kinds, read_known
from projections.timeline.queries import Page

__all__ = [
    "ProfileAnswer",
    "SourceNamed",
    "found_groups",
    "profile_answer",
    "selection_answer",
    "source_names",
    "timeline_answer",
]

MOST_CANDIDATES = 20
"""Losing candidates of a field that are shown; the others are counted."""

Named = Callable[[UUID], SourceNamed]
Values = Mapping[int, Identifier | None]

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def source_names(platform: Platform) -> Named:
    """Names sources; one that was set up a moment ago is looked up in the log."""

    def named(source_id: UUID) -> SourceNamed:
        source = platform.registry.source(source_id)
        if source is None:
            platform.registry.refresh()
            source = platform.registry.source(source_id)
        return SourceNamed(id=source_id, name=source.name if source else str(source_id))

    return named


def profile_answer(reader: ProfileReader, found: GroupAt) -> ProfileAnswer:
    """A group as a profile."""
    known = read_known(reader.connection, found.members, found.policy.survivorship, found.moment)
    resolution = reader.resolution(found.group)
    withheld = [each for each in resolution.withheld if each.a in found.group.nodes or each.b in found.group.nodes]
    values, named = _values(reader.platform, found, withheld), source_names(reader.platform)
    kinds = read_kinds(reader.connection, values) if withheld else {}
    return ProfileAnswer(
        id=found.group.profile,
        selection=selection_answer(found, values),
        touchpoints=known.touchpoints,
        first_seen=known.first_seen,
        last_seen=known.last_seen,
        identifiers=_identifiers(found, values, resolution),
        withheld=[_withheld(each, kinds, values) for each in withheld],
        fields=[_field(each, winner, named) for each in known.fields if (winner := each.choice.winner)],
        expired=[_expired(each, named) for each in known.fields if not each.choice.winner],
        channels=[ProfileChannel(**each._asdict()) for each in known.channels],
        accounts=account_items(reader.platform, accounts_of(reader.connection, found.members)),
    )


def selection_answer(found: GroupAt, values: Values) -> SelectionAnswer:
    """What an answer about a group is about."""
    return SelectionAnswer(
        as_of=found.point.as_of,
        known_at=found.point.known_at,
        known_when=found.point.known_when,
        position=found.position,
        identity_rules=found.policy.rules_version,
        survivorship_rules=found.policy.survivorship_version,
        erased=any(values[number] is None for number in found.group.nodes),
    )


def timeline_answer(platform: Platform, found: GroupAt, page: Page) -> TimelineAnswer:
    """A page of a group's timeline."""
    named = source_names(platform)
    return TimelineAnswer(
        profile=found.group.profile,
        selection=selection_answer(found, _values(platform, found, ())),
        entries=[TimelineEntry(**{**each._asdict(), "source": named(each.source)}) for each in page.entries],
        next=str(page.next) if page.next else None,
    )


def found_groups(reader: ProfileReader, type_: str, value: str, namespace: str | None = None) -> list[GroupAt]:
    """The groups that an identifier leads to, in every namespace unless one is named.

    Now a shared identifier leads to everybody who authenticated on it; at a past moment, to the last. Raises
    `InvalidIdentifier` for a value that cannot be of this type.
    """
    numbers = _numbers(reader.platform, type_, value, namespace)
    if reader.point.present:
        ids = dict.fromkeys(profile for number in numbers for profile in holders(reader.connection, number))
        found = map(reader.profile, ids)
    else:
        found = map(reader.identifier, numbers)
    return list({each.group.profile: each for each in found if each is not None}.values())


def _numbers(platform: Platform, type_: str, value: str, namespace: str | None) -> list[int]:
    region = platform.settings.default_region
    kept = {
        (named, each.namespace(named[0]))
        for each in platform.registry.sources()
        for named in [normalise.named(type_, value, each.namespaces)]
    } or {(normalise.named(type_, value, ()), GLOBAL)}
    wanted = {normalise.identifier(*named, namespace or space, region): None for named, space in sorted(kept, key=str)}
    return [number for each in wanted if (number := platform.vault.find(each)) is not None]


def _values(platform: Platform, found: GroupAt, withheld: Iterable[Withheld]) -> Values:
    """What the identifiers stand for that an answer names."""
    others = {number for each in withheld for number in (each.a, each.b, *each.collision)}
    return platform.vault.values(sorted(others | found.group.nodes.keys()))


def _identifiers(found: GroupAt, values: Values, resolution: Resolution) -> list[ProfileIdentifier]:
    nodes = sorted(found.group.nodes.values(), key=lambda node: (node.first_position, node.type, node.number))
    return [_identifier(node, values, resolution) for node in nodes]


def _identifier(node: Node, values: Values, resolution: Resolution) -> ProfileIdentifier:
    verdict = resolution.verdicts.get(node.number)
    said = verdict and VerdictAnswer(code=verdict.code, detail=verdict.detail, message=verdict_message(verdict))
    return ProfileIdentifier(
        type=node.type,
        namespace=node.namespace,
        value=value.value if (value := values[node.number]) else None,
        blocked=node.blocked or (verdict is not None and verdict.code == "blocked"),
        verdict=said,
        first_position=node.first_position,
    )


def _named(kind: Kind, value: Identifier | None) -> IdentifierNamed:
    return IdentifierNamed(type=kind.type, namespace=kind.namespace, value=value.value if value else None)


def _withheld(withheld: Withheld, kinds: Mapping[int, Kind], values: Values) -> WithheldAnswer:
    moment = withheld.moment
    return WithheldAnswer(
        a=_named(kinds[withheld.a], values[withheld.a]),
        b=_named(kinds[withheld.b], values[withheld.b]),
        reason=withheld.reason,
        message=withheld_message(withheld),
        effective_at=moment.at if moment else None,
        event_id=moment.event if moment else None,
        collision=[_named(kinds[number], values[number]) for number in withheld.collision],
    )


def _field(field: Field, winner: Chosen, named: Named) -> ProfileField:
    items = [FieldItem(value=_decode(each.value), **_origin(field, each, named)) for each in field.choice.items]
    return ProfileField(
        attribute=field.attribute,
        value=_decode(winner.value),
        rule=field.rule.kind,
        items=items if field.rule.multi_valued else None,
        **_origin(field, winner, named),
        **_losing(field, named),
    )


def _expired(field: Field, named: Named) -> ExpiredField:
    return ExpiredField(attribute=field.attribute, rule=field.rule.kind, **_losing(field, named))


def _origin(field: Field, chosen: Chosen, named: Named) -> dict[str, Any]:
    said = chosen.said._asdict() | field.times[chosen.said.position]._asdict()
    return {**said, "source": named(chosen.source), "expires_at": chosen.expires_at}


def _losing(field: Field, named: Named) -> dict[str, Any]:
    return {
        "losing": field.losing,
        "candidates": [_candidate(each, named) for each in field.choice.lost[:MOST_CANDIDATES]],
    }


def _candidate(lost: Lost, named: Named) -> LosingCandidate:
    candidate = lost.candidate
    return LosingCandidate(
        value=_decode(candidate.value),
        source=named(candidate.source),
        claims=candidate.claims,
        first_at=candidate.first.effective_at,
        last_at=candidate.last.effective_at,
        event_id=candidate.last.event_id,
        position=candidate.last.position,
        reason=lost.reason,
    )
