"""What affinity is read from: the contents of orders are those of their lines, whatever happens to the orders."""

from __future__ import annotations

from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from projections.sales.contents import packed
from projections.sales.question import Question
from projections.sales.views.affinity import KINDS, ORDERS, Asked, read_affinity
from tests.projections.variants import found, with_requirements
from tests.projections.world import catch_up, rows_of
from tests.sales.orders import Drawn, world_of, worlds

SALES = with_requirements(found("sales"))
ISTANBUL = ZoneInfo("Europe/Istanbul")
ORDER = (
    *("order_key", "position", "effective_at", "event_id", "hour", "day", "source", "channel", "brand", "store"),
    *("campaign", "currency", "profile", "customer"),
)
SOLD = "kind = 'sale' and quantity > 0 and amount > 0"
FILTERS: tuple[dict[str, tuple[str, ...]], ...] = (
    {},
    {"channel": ("web",)},
    {"customer": ("new", "unknown")},
    {"category": ("drinks",)},
    {"product": ("tea", "cup")},
    {"with_product": ("jam",)},
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds, st.integers(1, 6), st.sampled_from(KINDS), st.sampled_from(FILTERS), st.sampled_from(["", "customer"]))
def test_affinity_is_what_the_lines_say(
    connection: Connected, drawn: Drawn, batch_size: int, kind: str, filters: dict[str, tuple[str, ...]], by: str
) -> None:
    # Given sales kept up to date batch by batch
    catch_up(world_of(drawn).engine(connection, SALES, batch_size))
    # Then each order is stored with what its lines list
    lines = f"select {', '.join(ORDER)}, {{}} from sales.lines where {SOLD} order by order_key, line"
    for column in KINDS:
        orders: dict[tuple[Any, ...], list[str | None]] = {}
        for *order, item in rows_of(connection, lines.format(column)):
            orders.setdefault(tuple(order), []).append(item)
        stored = rows_of(connection, f"select {', '.join(ORDER)}, {column} from sales.contents order by order_key")
        assert stored == [(*order, packed(order[1], items)) for order, items in orders.items()]
    # And what is bought together is what one finds by going through the lines, also where some of them are left out
    asked = Question((ORDERS,), (by,) if by else (), filters, limit=1_000)
    shown = list(read_affinity(connection, asked, ISTANBUL, Asked(kind, least=1)))
    directed = {(*pair[:3], pair.together, pair.item_orders, pair.companion_orders, pair.all_orders) for pair in shown}
    turned = {(pair[0], pair[2], pair[1], pair[3], pair[5], pair[4], pair[6]) for pair in shown}
    assert directed | turned == pairs_of(connection, kind, filters, by)
    assert len(shown) == len(directed | turned) / 2
    with_tea = list(read_affinity(connection, asked, ISTANBUL, Asked(kind, "tea", 1)))
    assert {*map(tuple, with_tea)} == {pair for pair in directed | turned if pair[1] == "tea"}


def pairs_of(connection: Connected, kind: str, filters: dict[str, tuple[str, ...]], by: str) -> set[tuple[Any, ...]]:
    """The pairs in both directions, one by one out of the lines: the segment, both items, and their orders."""
    columns = ("channel", "customer", "category", "product")
    lines = rows_of(
        connection, f"select order_key, {kind}, {', '.join(columns)} from sales.lines where {SOLD} order by position"
    )
    with_product = {order for order, *_, product in lines if product in filters.get("with_product", ())}
    segments: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for order, item, *values in lines:
        known = dict(zip(columns, values, strict=True))
        if any(known[name] not in chosen for name, chosen in filters.items() if name in known):
            continue
        if "with_product" in filters and order not in with_product:
            continue
        items = segments.setdefault((known[by],) if by else (), {}).setdefault(order, set())
        items.update([] if item is None else [item])
    found = set()
    for segment, orders in segments.items():
        holding = {
            item: {order for order in orders if item in orders[order]} for items in orders.values() for item in items
        }
        for one, other in permutations(holding, 2):
            if both := holding[one] & holding[other]:
                found.add((segment, one, other, len(both), len(holding[one]), len(holding[other]), len(orders)))
    return found
