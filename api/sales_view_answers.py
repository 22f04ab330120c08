"""Views of sales that are more than sums: cohorts, RFM, value pyramid, affinity, the effect of a promotion.

All take the words of the general grammar, with a few of their own, so that whatever a figure can be filtered by, a view
can be too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from api.sales_answers import Column, Link, SalesAnswer, Value, column_of, named, sales_answer, value_of
from api.sales_grammar import Asked, read_question, today
from api.sales_shares import with_shares
from api.sales_sheets import Links, Sheet, sheet_of
from cdp.platform import Platform
from cdp.value.definition import Definition
from projections.contract import Connected
from projections.sales.measures import COUNT, PLATFORM, SHARE
from projections.sales.question import PREVIOUS, YEAR, InvalidQuestion, Question
from projections.sales.views import affinity
from projections.sales.views.affinity import Pair, read_affinity
from projections.sales.views.cohorts import CUSTOMERS, Cell, cohort_question, read_cohorts
from projections.sales.views.effect import read_effect

Words = Sequence[tuple[str, str]]

_SCORES = ("rfm_recency", "rfm_frequency", "rfm_money")
_BOUGHT = "customers,purchases,net"
_SHARED = ("customers", "net")
_BOUGHT_PRODUCTS = "product_customers,product_units,product_net"
_BASES = {PREVIOUS: "as long a time directly before", YEAR: "the same days of the year before"}
TRIED = "(not kept)"
"""What stands for the version of a definition that is only tried."""

_HUGHES = "Hughes, Strategic Database Marketing"
_RETENTION = "cohort retention: active in period k / cohort size"
_RULES = "Agrawal, Imieliński, Swami, Mining association rules (1993)"


def cohorts_sheet(platform: Platform, connection: Connected, given: Words) -> Sheet:
    """Customers by when they first bought: how many came back in each period since, and what they spent."""
    own, words = _own(given, period="month", measures="customers,gross")
    asked = read_question(platform, [*words, ("measures", own["measures"])])
    period, first, last = own["period"], asked.question.period.first, asked.question.period.last or today(platform)
    question = cohort_question(_until(asked.question, last), period)
    shop = ZoneInfo(platform.settings.timezone)
    cells = list(read_cohorts(connection, question, shop, period, first, last))
    names = _source_names(platform, question)
    links, everybody = Links(question, names), Links(_until(Question((CUSTOMERS,)), last), names)
    extra = question.keys[2:]
    columns = (
        Column("cohort", None, f"when the {period} of the first purchase began"),
        *(column_of(name, question) for name in extra),
        Column("period", None, f"{period}s since the {period} of the first purchase"),
        Column("size", COUNT, "customers of the cohort, whatever is filtered by", _RETENTION),
        *(column_of(name, question) for name in question.measures),
        Column("retention", SHARE, "customers / size", _RETENTION),
    )
    rows, evidence = [], []
    for cell in cells:
        rows.append(_cohort_row(question, columns, cell))
        evidence.append(_cohort_links(period, question, cell, extra, links, everybody))
    about = {"period": period, "from": first, "to": last, "measures": list(question.measures)}
    return Sheet("cohorts", _zone(platform, question), about, columns, rows, evidence, len(rows))


def _cohort_row(question: Question, columns: Sequence[Column], cell: Cell) -> tuple[Value, ...]:
    figures: Sequence[Decimal | None] = cell.figures or [None] * len(question.measures)
    row = (cell.begins, *cell.key, cell.period, Decimal(cell.size), *figures, cell.retention)
    return tuple(value_of(column, each, {}) for column, each in zip(columns, row, strict=True))


def _cohort_links(
    period: str, question: Question, cell: Cell, extra: Sequence[str], links: Links, everybody: Links
) -> Mapping[str, Link]:
    cohort = {f"cohort_{period}": cell.begins.isoformat()}
    size = everybody.of(CUSTOMERS, **cohort)
    if cell.figures is None:
        return {"size": size}
    key = {**cohort, f"age_{period}s": str(cell.period), **dict(zip(extra, cell.key, strict=True))}
    found: dict[str, Link] = {name: links.of(name, **key) for name in question.measures}
    return {"size": size, **found, "retention": {"over": [links.of(CUSTOMERS, **key)], "under": [size]}}


def rfm_sheet(platform: Platform, connection: Connected, given: Words) -> Sheet:
    """Customers in quintiles of recency, frequency and money; those who bought in one currency."""
    own, words = _own(given, by="rfm_segment,rfm_recency,rfm_frequency,rfm_money", measures=_BOUGHT, order="")
    order = own["order"] or ",".join(f"-{name}" for name in _SCORES if name in own["by"].split(","))
    scored = [] if any(name == "rfm_recency" for name, _ in words) else [("rfm_recency", str(n)) for n in range(1, 6)]
    asked = _in_scored_currency(
        platform, [*words, *scored, ("by", own["by"]), ("measures", own["measures"]), ("order", order)]
    )
    return sheet_of("rfm", sales_answer(platform, connection, asked), source=_HUGHES)


def pyramid_sheet(platform: Platform, connection: Connected, given: Words) -> Sheet:
    """Customers in the tiers of a value pyramid, the highest first, cut by any dimension."""
    own, words = _own(given, by="", measures="", pyramid="value")
    cuts = [each for each in own["by"].split(",") if each and each not in ("definition", "tier")]
    lines = {"product", "category", "product_brand", "department"} & {*cuts, *(name for name, _ in words)}
    by, measures = ",".join(["definition", "tier", *cuts]), own["measures"] or (_BOUGHT_PRODUCTS if lines else _BOUGHT)
    whole = [*words, ("pyramid", own["pyramid"]), ("by", by), ("measures", measures)]
    definition = read_question(platform, whole).question.judging.definition
    if definition is None:
        raise InvalidQuestion("a pyramid needs a definition: name one, such as pyramid=value@1")
    tiers = [] if any(name == "tier" for name, _ in words) else [("tier", name) for name in definition.tier_names]
    currency = [] if any(name in ("currency", "convert") for name, _ in words) else [("currency", definition.currency)]
    answered = sales_answer(platform, connection, read_question(platform, [*whole, *tiers, *currency]))
    sheet = _highest_first(answered, definition)
    plain = tiers and answered.asked.compare is None and not cuts and not own["measures"] and not lines
    return with_shares(sheet, answered, _SHARED) if plain and _one_currency(answered) else sheet


def _one_currency(answered: SalesAnswer) -> bool:
    question = answered.asked.question
    return question.convert is not None or len(question.filters.get("currency", ())) == 1


def tried_pyramid(platform: Platform, connection: Connected, given: Words, definition: Definition) -> Sheet:
    """The tiers of a definition that is not kept; its figures have no evidence, as no version names them."""
    own, words = _own(given, by="", pyramid="")
    asked = read_question(platform, [*words, ("measures", _BOUGHT), ("currency", definition.currency)])
    judging = dataclasses.replace(asked.question.judging, definition=definition, label=TRIED)
    filters = {**asked.question.filters, "tier": tuple(definition.tier_names)}
    by = ("definition", "tier", *(each for each in own["by"].split(",") if each))
    question = dataclasses.replace(asked.question, by=by, filters=filters, judging=judging)
    sheet = _highest_first(
        sales_answer(platform, connection, dataclasses.replace(asked, question=question)), definition
    )
    return dataclasses.replace(sheet, evidence=[{} for _ in sheet.rows])


def _highest_first(answered: SalesAnswer, definition: Definition) -> Sheet:
    height = {name: place for place, name in enumerate(definition.tier_names)}
    at = [column.name for column in answered.columns].index("tier")
    sheet = sheet_of("pyramid", answered)
    paired = sorted(zip(sheet.rows, sheet.evidence, strict=True), key=lambda pair: -height.get(str(pair[0][at]), -1))
    return dataclasses.replace(sheet, rows=[row for row, _ in paired], evidence=[links for _, links in paired])


def affinity_sheet(platform: Platform, connection: Connected, given: Words) -> Sheet:
    """What is bought in the same orders: with one item, or all pairs; by segment where `by` names one."""
    own, words = _own(given, kind="product", item="", least="", limit="20")
    least = own["least"]
    if least and not (least.isascii() and least.isdigit()):
        raise InvalidQuestion(f"least={least!r}; expected a whole number, 1 or more")
    wanted = affinity.Asked(own["kind"], own["item"] or None, int(least) if least else None)
    asked = read_question(platform, [*words, ("measures", affinity.ORDERS), ("limit", own["limit"])])
    question = asked.question
    pairs = list(read_affinity(connection, question, ZoneInfo(platform.settings.timezone), wanted))
    names = _source_names(platform, question, pairs)
    links = Links(question, names)
    columns = (
        *(column_of(name, question) for name in question.by),
        Column("item", None, wanted.kind),
        Column("with", None, f"another {wanted.kind} in the same order"),
        Column("together", COUNT, "orders with both", _RULES),
        Column("item_orders", COUNT, "orders with the item", _RULES),
        Column("with_orders", COUNT, "orders with the other one", _RULES),
        Column("all_orders", COUNT, "orders with anything sold", _RULES),
        Column("support", SHARE, "together / all_orders", _RULES),
        Column("confidence", SHARE, "together / item_orders", _RULES),
        Column("popularity", SHARE, "with_orders / all_orders", _RULES),
        Column("lift", "quantity", "confidence / popularity; above 1: more often than by chance", _RULES),
    )
    rows = [_pair_row(question, pair, names) for pair in pairs]
    evidence = [_pair_links(question, wanted.kind, pair, links, names) for pair in pairs]
    place = {"from": question.period.first, "to": question.period.last}
    about = {"kind": wanted.kind, "item": wanted.item, "least": wanted.least, **place}
    return Sheet("affinity", _zone(platform, question), about, columns, rows, evidence, len(rows))


def _pair_row(question: Question, pair: Pair, names: Mapping[UUID, str]) -> tuple[Value, ...]:
    counts = (pair.together, pair.item_orders, pair.companion_orders, pair.all_orders)
    ratios = (pair.support, pair.confidence, pair.popularity, pair.lift)
    return (*_segment(question, pair, names).values(), pair.item, pair.companion, *counts, *ratios)


def _pair_links(
    question: Question, kind: str, pair: Pair, links: Links, names: Mapping[UUID, str]
) -> Mapping[str, Link]:
    segment = _segment(question, pair, names)

    def orders(**key: str) -> str:
        return links.of(affinity.ORDERS, **{**segment, **key})

    both = orders(**{kind: pair.item, f"with_{kind}": pair.companion})
    item, other, every = orders(**{kind: pair.item}), orders(**{kind: pair.companion}), orders()
    return {
        "together": both,
        "item_orders": item,
        "with_orders": other,
        "all_orders": every,
        "support": {"over": [both], "under": [every]},
        "confidence": {"over": [both], "under": [item]},
        "popularity": {"over": [other], "under": [every]},
        "lift": {"over": [both, every], "under": [item, other]},
    }


def _segment(question: Question, pair: Pair, names: Mapping[UUID, str]) -> dict[str, str]:
    return {
        name: names[UUID(value)] if name == "source" else value
        for name, value in zip(question.by, pair.segment, strict=True)
    }


def effect_sheet(platform: Platform, connection: Connected, given: Words) -> Sheet:
    """Before, during and after `from` … `to`, for an average day, beside the baseline that `compare` names."""
    own, words = _own(given, measures="gross", compare=PREVIOUS)
    asked = read_question(platform, [*words, ("measures", own["measures"]), ("compare", own["compare"])])
    question, baseline = asked.question, asked.compare or PREVIOUS
    found = read_effect(connection, question, ZoneInfo(platform.settings.timezone), baseline)
    [measure] = question.chosen
    names = _source_names(platform, question)
    per_day = () if measure.ratio else (f"{measure.name}_per_day",)
    basis = f"an average day of {_BASES[baseline]}" if per_day else f"that of {_BASES[baseline]}"
    columns = (
        Column("stage", None, f"before, during or after; the baseline is {_BASES[baseline]}"),
        Column("from", None, "the first day"),
        Column("to", None, "the last day"),
        *(column_of(name, question) for name in question.keys),
        column_of(measure.name, question),
        *(Column(name, "quantity", f"{measure.name} / days", PLATFORM) for name in per_day),
        Column(f"{measure.name}_change", SHARE, f"how much more than {basis}, as a share of it", PLATFORM),
    )
    rows, evidence = [], []
    for stage in found.stages:
        figures = (stage.figure, *((stage.per_day,) if per_day else ()), stage.change)
        row = (stage.stage, stage.period.first, stage.period.last, *stage.key, *figures)
        rows.append(tuple(value_of(column, each, names) for column, each in zip(columns, row, strict=True)))
        key = {
            name: None if value is None else str(value) for name, value in zip(question.keys, stage.key, strict=True)
        }
        now, usual = (
            Links(dataclasses.replace(question, period=period), names).of(measure.name, **key)
            for period in (stage.period, found.baseline)
        )
        change: Link = {"over": [now], "under": [usual]}
        evidence.append({measure.name: now, **dict.fromkeys(per_day, now), f"{measure.name}_change": change})
    about = {"baseline": baseline, "from": question.period.first, "to": question.period.last}
    zone = _zone(platform, question)
    return Sheet("effect", zone, about, columns, rows, evidence, len(rows), unconverted=found.unconverted)


def _own(given: Words, **own: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The words that a view has of its own or reads in its own way, and the others."""
    found = own | {name: value for name, value in given if name in own}
    return found, [(name, value) for name, value in given if name not in own]


def _in_scored_currency(platform: Platform, words: Words) -> Asked:
    """The question about amounts in the currency that customers are scored in, unless another one is asked for."""
    asked = read_question(platform, words)
    if asked.question.convert is not None or "currency" in asked.question.filters:
        return asked
    return read_question(platform, [*words, ("currency", str(asked.question.judging.currency))])


def _until(question: Question, last: Any) -> Question:
    return dataclasses.replace(question, period=dataclasses.replace(question.period, first=None, last=last))


def _zone(platform: Platform, question: Question) -> str:
    return question.zone.key if question.zone else platform.settings.timezone


def _source_names(platform: Platform, question: Question, pairs: Sequence[Pair] = ()) -> dict[UUID, str]:
    """The names of the sources in a question and in what was found."""
    ids = [each for each in question.filters.get("source", ()) if each.count("-") == 4]
    if "source" in question.by:
        at = question.by.index("source")
        ids += [pair.segment[at] for pair in pairs]
    return {UUID(each): named(platform, UUID(each)) for each in ids}
