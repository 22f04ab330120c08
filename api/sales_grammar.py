"""The grammar of questions about sales, the same in a URL and on the command line."""

from __future__ import annotations

import zoneinfo
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.platform import Platform
from cdp.sources.source import Source
from cdp.value.pyramids import DEFAULT_NAME, UnknownPyramid
from projections.sales.amounts import currency
from projections.sales.dimensions import DIMENSIONS, NONE
from projections.sales.question import COMPARISONS, InvalidQuestion, Period, Question
from projections.sales.views.judging import Judging

FORMATS = ("json", "csv", "csv-tr", "xlsx", "parquet", "arrow")
WORDS = (
    *("measures", "by", "from", "to", "zone", "convert", "compare", "order", "limit", "format", "cursor"),
    *("as_of", "since", "scored_in", "pyramid"),
)
JUDGED = ("rfm_recency", "rfm_frequency", "rfm_money", "rfm_segment", "tier", "definition")
"""The dimensions that depend on what customers are judged by."""
BASE = "base"
_DEFAULT = ("orders", "gross", "refunded", "net")


@dataclass(frozen=True)
class Asked:
    """A question, what to compare it with, and the form of the answer."""

    question: Question
    compare: str | None
    format: str
    cursor: str | None


def read_question(platform: Platform, given: Iterable[tuple[str, str]], limit: int = 1_000) -> Asked:
    """The question that words and filters ask. Raises `InvalidQuestion`.

    Lists are separated by commas; a filter is a dimension's name and may be given several times, meaning either.
    """
    words: dict[str, str] = {}
    filters: dict[str, list[str]] = {}
    for name, value in given:
        if name in DIMENSIONS:
            filters.setdefault(name, []).append(value)
        elif name in WORDS:
            words[name] = value
        else:
            raise InvalidQuestion(
                f"{name!r} is unknown; expected {', '.join(WORDS)}, or a filter: {', '.join(DIMENSIONS)}"
            )
    by, last = _list(words.get("by")), _day(words, "to")
    question = Question(
        measures=_list(words.get("measures")) or _DEFAULT,
        by=by,
        filters={name: _values(platform, name, values) for name, values in filters.items()},
        period=Period(_day(words, "from"), last),
        zone=_zone(words.get("zone")),
        convert=_currency(platform, words.get("convert")),
        order=_list(words.get("order")),
        limit=_number(words.get("limit"), limit),
        judging=_judging(platform, words, {*by, *filters}, filters.get("currency", ()), last),
    )
    compare = _one_of("compare", words.get("compare"), COMPARISONS)
    return Asked(question, compare, _one_of("format", words.get("format"), FORMATS) or "json", words.get("cursor"))


def asked_again(question: Question, key: Mapping[str, str | None], names: Mapping[UUID, str]) -> list[tuple[str, str]]:
    """The words that narrow a question down to one row of its answer, whose dimensions are `key`."""
    words = [(name, NONE if value is None else value) for name, value in key.items()]
    for name, values in question.filters.items():
        if name not in key:
            words += [(name, _shown(name, value, names)) for value in values]
    if question.period.first is not None:
        words.append(("from", question.period.first.isoformat()))
    if question.period.last is not None:
        words.append(("to", question.period.last.isoformat()))
    if question.zone is not None:
        words.append(("zone", question.zone.key))
    if question.convert is not None:
        words.append(("convert", question.convert))
    if not {*question.by, *question.filters, *key}.isdisjoint(JUDGED):
        words += _judged_again(question.judging)
    return words


def _judged_again(judging: Judging) -> Iterator[tuple[str, str]]:
    """The words by which customers are judged as they were."""
    days = (("since", judging.first), ("as_of", judging.last))
    yield from ((name, day.isoformat()) for name, day in days if day is not None)
    named = (("scored_in", judging.currency), ("pyramid", judging.label))
    yield from ((name, text) for name, text in named if text is not None)


def _judging(
    platform: Platform, words: Mapping[str, str], named: Collection[str], currencies: Sequence[str], last: date | None
) -> Judging:
    """By what the question's customers are judged: up to its end, in the currency that it is about."""
    of_currency = currencies[0] if len(currencies) == 1 and currencies[0] != NONE else None
    given = words.get("scored_in") or words.get("convert") or of_currency or BASE
    chosen = _currency(platform, given, "scored_in")
    first, until = _day(words, "since"), _day(words, "as_of") or last or today(platform)
    if first is not None and first > until:
        raise InvalidQuestion(f"since={first} is after as_of={until}: turn them round")
    label = words.get("pyramid") or (DEFAULT_NAME if {"tier", "definition"} & set(named) else None)
    if label is None:
        return Judging(first, until, chosen)
    try:
        defined = platform.pyramids.defined(label)
    except UnknownPyramid as error:
        raise InvalidQuestion(str(error)) from error
    return Judging(first, until, chosen, defined.definition, defined.label)


def read_format(given: Iterable[tuple[str, str]]) -> str:
    """The form of the answer that words ask for. Raises `InvalidQuestion`."""
    return _one_of("format", dict(given).get("format"), FORMATS) or "json"


def today(platform: Platform) -> date:
    """The present day of the shop."""
    return datetime.now(ZoneInfo(platform.settings.timezone)).date()


def _shown(name: str, value: str, names: Mapping[UUID, str]) -> str:
    return names.get(UUID(value), value) if name == "source" and value != NONE else value


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(each.strip() for each in (text or "").split(",") if each.strip())


def _values(platform: Platform, name: str, values: Sequence[str]) -> tuple[str, ...]:
    """The values of a filter; sources go by their names."""
    return tuple(_source(platform, each) for each in values) if name == "source" else tuple(values)


def _source(platform: Platform, name: str) -> str:
    """The id of the source of this name."""
    source_id = Source.create_id(name)
    if platform.registry.source(source_id) is None:
        platform.registry.refresh()
    if platform.registry.source(source_id) is None:
        known = ", ".join(sorted(each.name for each in platform.registry.sources())) or "none yet"
        raise InvalidQuestion(f"there is no source {name!r}; expected one of: {known}")
    return str(source_id)


def _day(words: Mapping[str, str], name: str) -> date | None:
    text = words.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidQuestion(f"{name}={text!r}; expected a day such as 2024-12-31") from None


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise InvalidQuestion(f"zone={name!r}; expected a time zone's name, such as Europe/Istanbul") from None


def _currency(platform: Platform, text: str | None, word: str = "convert") -> str | None:
    if text is None:
        return None
    code = platform.settings.currency if text == BASE else currency({"currency": text})
    if code is None:
        raise InvalidQuestion(f"{word}={text!r}; expected an ISO 4217 code such as TRY, or {BASE}")
    return code


def _number(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit()):
        raise InvalidQuestion(f"limit={text!r}; expected a whole number")
    return int(text)


def _one_of(name: str, text: str | None, known: Sequence[str]) -> str | None:
    if text is not None and text not in known:
        raise InvalidQuestion(f"{name}={text!r}; expected one of {', '.join(known)}")
    return text
