"""Different orders of lines, which add up: each order says on which of its lines it is counted.

A line knows whether it is the first one that its order sold at all, of its product, of its category and so on. So an
order has one first line of a category, and these lines are the category's different orders. That holds whatever else
a question asks for, as an order has one day, one store, one customer; only of products it has several.
"""

from __future__ import annotations

from dataclasses import replace

from projections.sales.measures import Measure
from projections.sales.question import Question
from projections.sales.rows import ORDERS_OF


def added_up(part: Measure, question: Question) -> Measure:
    """The measure as a sum, where that is the same figure; else the measure itself."""
    if not part.distinct or part.counts != "order_key":
        return part
    asked = [name for name in ORDERS_OF if name in question.by or name in question.filters]
    if len(asked) > 1 or any(_several(name, question) for name in asked):
        return part
    return replace(part, distinct=False, plus=(ORDERS_OF[asked[0] if asked else None],))


def _several(name: str | None, question: Question) -> bool:
    """Whether a row of the answer may be of several values, so that an order could count several times."""
    return name not in question.by and len(set(question.filters[str(name)])) > 1
