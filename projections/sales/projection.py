"""Sales from every channel: orders followed through their life, and their sums.

Facts say what touchpoints state, entities what orders came to and whose they are, rollups add up. Everything is
declared here once; it runs live, in a replay and in batch.
"""

from __future__ import annotations

from projections.declared import Declared
from projections.entities import Entities
from projections.facts import Facts
from projections.sales.contents import contents_rows
from projections.sales.folds import buyer_rows, movement_rows, order_rows, placement_rows
from projections.sales.line_folds import line_rows
from projections.sales.order_facts import OrderFact, order_facts
from projections.sales.rollups import ROLLUPS
from projections.sales.rows import BuyerRow, ContentsRow, LineRow, MovementRow, OrderRow, PlacementRow
from projections.sales.side_facts import CostFact, RateFact, RewardFact, cost_facts, rate_facts, reward_facts

PROJECTION = Declared(
    name="sales",
    version=7,
    facts=(
        Facts("order_facts", OrderFact, order_facts),
        Facts("reward_facts", RewardFact, reward_facts),
        Facts("cost_facts", CostFact, cost_facts),
        Facts("rate_facts", RateFact, rate_facts),
    ),
    entities=(
        Entities("orders", OrderRow, ("order_facts",), "order_key", order_rows),
        Entities("placements", PlacementRow, ("order_facts",), "order_key", placement_rows),
        Entities("buyers", BuyerRow, ("placements",), "profile", buyer_rows, by_profile=True),
        Entities("movements", MovementRow, ("order_facts", "buyers"), "order_key", movement_rows),
        Entities("lines", LineRow, ("order_facts", "buyers"), "order_key", line_rows),
        Entities("contents", ContentsRow, ("order_facts", "buyers"), "order_key", contents_rows),
    ),
    rollups=ROLLUPS,
    depends_on=lambda surroundings: f"timezone={surroundings.timezone.key}",
    requires=("identity",),
)
