"""Shareable identifiers: who authenticated on one and when, and whose it therefore was at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from cdp.identity.belief import Usable
from cdp.identity.evidence import Moment, SubjectSeen
from cdp.identity.stewardship import NOBODY, Stewardship


class Authentication(NamedTuple):
    """At this moment a shareable identifier was seen with the person whose profile this is."""

    moment: Moment
    profile: str


class Turn(NamedTuple):
    """From `start` (included) to `end` (not included) it is `profile`'s. None is open; no profile is nobody's turn."""

    start: Moment | None
    end: Moment | None
    profile: str | None


Change = tuple[Moment | None, str | None]
"""From when on it is whose."""


def authentications(
    subjects: Iterable[SubjectSeen], usable: Iterable[Usable], profiles: Mapping[int, str], stewards: Stewardship
) -> dict[int, list[Authentication]]:
    """Who authenticated on each shareable identifier, in order. Those that a steward joined share theirs.

    With somebody from whom a steward keeps an identifier apart nobody authenticates on it.
    """
    found: defaultdict[int, list[Authentication]] = defaultdict(list)
    groups = stewards.groups
    for subject, (exclusive, shareable) in zip(subjects, usable, strict=True):
        if exclusive and shareable and subject.moments:
            profile = profiles[exclusive[0]]
            seen = [Authentication(moment, profile) for moment in subject.moments]
            for number in {groups.get(each, each) for each in shareable} if groups else shareable:
                found[number] += seen
    if stewards.apart:
        found = _without_those_kept_apart(found, profiles, stewards)
    for number, group in groups.items():
        if group in found:
            found[number] = found[group]
    return {number: sorted(seen) for number, seen in found.items() if seen}


def _without_those_kept_apart(
    found: Mapping[int, list[Authentication]], profiles: Mapping[int, str], stewards: Stewardship
) -> defaultdict[int, list[Authentication]]:
    strangers: defaultdict[int, set[str]] = defaultdict(set)
    for number, others in stewards.apart.items():
        strangers[stewards.groups.get(number, number)].update(profiles[each] for each in others if each in profiles)
    left: defaultdict[int, list[Authentication]] = defaultdict(list)
    for number, seen in found.items():
        unwelcome = strangers.get(number, NOBODY)
        left[number] = [each for each in seen if each.profile not in unwelcome]
    return left


def turns(seen: Sequence[Authentication], window: timedelta | None) -> list[Turn]:
    """Whose an identifier was, from the beginning to the end of time.

    It is whoever authenticated last's, and before the first authentication the first one's; with a window only until
    so long after an authentication (not included), and from so long before the first one (included).
    """
    changes = _for_ever(seen) if window is None else _within(seen, window)
    kept: list[Change] = []
    for start, profile in changes:
        if not kept or kept[-1][1] != profile:
            kept.append((start, profile))
    ends = [*(start for start, _ in kept[1:]), None]
    return [Turn(start, end, profile) for (start, profile), end in zip(kept, ends, strict=True)]


def _for_ever(seen: Sequence[Authentication]) -> Iterator[Change]:
    yield None, seen[0].profile
    yield from seen[1:]


def _within(seen: Sequence[Authentication], window: timedelta) -> Iterator[Change]:
    opens = _moved(seen[0].moment, -window)
    if opens is not None or not window:
        yield None, None
    if not window:
        return
    yield opens, seen[0].profile
    for authentication, following in zip(seen, (*seen[1:], None), strict=True):
        yield authentication
        closes = _moved(authentication.moment, window)
        if closes is not None and (following is None or closes < following.moment):
            yield closes, None


def _moved(moment: Moment, by: timedelta) -> Moment | None:
    """The very first moment at another time; None where that is past what a calendar can say."""
    try:
        return Moment(moment.at + by, "")
    except OverflowError:
        return None
