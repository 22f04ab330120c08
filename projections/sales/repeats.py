"""One refund that several systems report is one refund.

A shop, its payment provider and its accounting may each tell of the same refund. Where they give it an id
(`refund_id`, `return_id`, in a namespace that they share) the id decides. Where they do not, reports of the same amount
by *different* sources are taken for the same refund and those by *one* source for several: of each amount there are as
many refunds as the source that reports most of them has, and never fewer than there are ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from projections.sales.order_facts import OrderFact

Kind = tuple[Decimal | None, str | None, Decimal]


def distinct_reports(facts: Sequence[OrderFact]) -> list[OrderFact]:
    """The facts that stand for different refunds, or returns, in their order. Pure; depends on no order of arrival."""
    if len(facts) < 2:
        return list(facts)
    first: dict[str, OrderFact] = {}
    for fact in facts:
        if fact.refund is not None:
            first.setdefault(fact.refund, fact)
    alike: defaultdict[Kind, list[OrderFact]] = defaultdict(list)
    for fact in facts:
        alike[_kind(fact if fact.refund is None else first[fact.refund])].append(fact)
    distinct = [each for group in alike.values() for each in _distinct(group)]
    return sorted(distinct, key=lambda fact: (fact.effective_at, fact.event_id))


def _kind(fact: OrderFact) -> Kind:
    """What reports of the same thing agree on: the amount; where there is none, how many pieces."""
    return (fact.total, fact.currency, Decimal(0) if fact.total is not None else fact.units)


def _distinct(alike: Sequence[OrderFact]) -> list[OrderFact]:
    named: dict[str, OrderFact] = {}
    nameless: defaultdict[UUID, list[OrderFact]] = defaultdict(list)
    reported: defaultdict[UUID, set[str]] = defaultdict(set)
    for fact in alike:
        if fact.refund is None:
            nameless[fact.source].append(fact)
        else:
            named.setdefault(fact.refund, fact)
            reported[fact.source].add(fact.refund)
    return [*named.values(), *_unnamed(nameless, {source: len(ids) for source, ids in reported.items()}, len(named))]


def _unnamed(nameless: Mapping[UUID, list[OrderFact]], named_by: Mapping[UUID, int], named: int) -> Sequence[OrderFact]:
    """Those without an id that no report with an id stands for."""
    if not nameless:
        return ()
    most = max(sorted(nameless), key=lambda source: len(nameless[source]) + named_by.get(source, 0))
    missing = len(nameless[most]) + named_by.get(most, 0) - named
    return nameless[most][: max(0, missing)]
