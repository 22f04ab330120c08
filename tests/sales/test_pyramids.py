"""Value pyramids: definitions in versions that are kept, cut by any dimension, and tried before they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from httpx import Response

from cdp.settings import Settings
from cdp.value.definition import InvalidDefinition, definition_of, read_definition, stored_definition
from tests.api.serving import Served, served
from tests.sales.test_questions import CUP, TEA, bought, said

BODY = {"currency": "TRY", "coefficients": {"money": "0.1", "frequency": 2}, "tiers": {"gold": 14, "silver": "10.0"}}
DAY = {"to": "2024-03-20"}


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """Three customers: a of 130.10 in two purchases, b of 5.10 after a refund, c of 81.10."""
    with served(settings) as app:
        app.source("shop", "web")
        app.source("till", "store", namespaces={"user_id": "shop"})
        app.send(
            "shop",
            {"type": "identify", "userId": "a", "messageId": "i", "traits": {"address": {"state": "Ege"}}},
            bought("1", "2024-01-10T10:00:00Z", "a", TEA),
            bought("2", "2024-01-20T10:00:00Z", "b", TEA, CUP),
            bought("4", "2024-02-11T10:00:00Z", "c", {"product_id": "jam", "price": "1.00"}, CUP),
            said("Order Refunded", "2024-03-06T10:00:00Z", "b", order_id="2", total="100.00"),
        )
        app.send("till", bought("3", "2024-02-10T10:00:00Z", "a", TEA, CUP))
        app.project()
        yield app


def posted(app: Served, path: str, body: Any, **words: str) -> Response:
    """An answer to somebody who may write."""
    token = app.platform.tokens.create(f"t{app.platform.reader.head().position}", scopes=["sales:write"], actor="test")
    return _post(app, path, body, token, **words)


def _post(app: Served, path: str, body: Any, token: str, **words: str) -> Response:
    app.platform.registry.refresh()
    headers = {"Authorization": f"Bearer {token}"}
    answer: Response = app.client.post(f"/api/sales/pyramids/{path}", json=body, headers=headers, params=words)
    return answer


def tiers(app: Served, *columns: str, **words: str) -> list[tuple[Any, ...]]:
    answer = app.get("/api/sales/pyramid", **DAY, **words)
    assert answer.status_code == 200, answer.text
    return [tuple(row[name] for name in columns) for row in answer.json()["rows"]]


def test_every_row_names_the_version_that_it_was_made_by(app: Served) -> None:
    assert posted(app, "value/versions", {**BODY, "reason": "first"}).json()["version"] == 1
    assert posted(app, "value/activate", {}).json()["active"] == 1
    columns = ("definition", "tier", "customers", "purchases", "net")
    before = tiers(app, *columns)
    assert before == [
        ("value@1", "gold", 1, 2, "130.10"),
        ("value@1", "silver", 1, 1, "81.10"),
        ("value@1", "(below)", 1, 1, "5.10"),
    ]
    assert posted(app, "value/versions", {**BODY, "tiers": {"gold": 8}}).json()["version"] == 2
    assert tiers(app, *columns) == before
    assert posted(app, "value/activate", {"version": 2}).json() == {"pyramid": "value", "active": 2, "new": True}
    assert [row[:3] for row in tiers(app, *columns)] == [("value@2", "gold", 2), ("value@2", "(below)", 1)]
    assert tiers(app, *columns, pyramid="value@1") == before


def test_a_tier_shows_its_share_of_customers_and_of_money(app: Served) -> None:
    posted(app, "value/versions", BODY)
    assert tiers(app, "tier", "customers_share", "net_share", pyramid="value@1") == [
        ("gold", "0.333333", "0.601479"),
        ("silver", "0.333333", "0.374942"),
        ("(below)", "0.333333", "0.023578"),
    ]


def test_a_definition_is_kept_with_who_and_why(app: Served) -> None:
    posted(app, "value/versions", {**BODY, "reason": "first"})
    again = posted(app, "value/versions", {**BODY, "tiers": {"silver": "10", "gold": "14.00"}}).json()
    assert again == {"pyramid": "value", "version": 1, "new": False}
    kept = app.get("/api/sales/pyramids/value").json()
    [version] = kept["versions"]
    assert (kept["active"], version["reason"], version["definition"]["tiers"]) == (
        None,
        "first",
        {"gold": "14", "silver": "10"},
    )


def test_tiers_are_cut_by_region_channel_and_product(app: Served) -> None:
    posted(app, "value/versions", BODY)
    named = {"pyramid": "value@1"}
    assert tiers(app, "tier", "channel", "customers", "net", by="channel", **named)[:2] == [
        ("gold", "store", 1, "105.10"),
        ("gold", "web", 1, "25.00"),
    ]
    assert tiers(app, "tier", "region", "net", by="region", **named)[0] == ("gold", "Ege", "130.10")
    products = tiers(app, "tier", "product", "product_customers", "product_net", by="product", **named)
    assert [row for row in products if row[0] == "gold"] == [("gold", "cup", 1, "80.10"), ("gold", "tea", 1, "50.00")]


def test_tiers_break_down_any_figure_about_orders(app: Served) -> None:
    posted(app, "value/versions", BODY)
    answer = app.get("/api/sales", measures="aov", by="tier", pyramid="value@1", currency="TRY", **DAY).json()
    assert [(row["tier"], row["aov"]) for row in answer["rows"]] == [
        ("(below)", "105.10"),
        ("silver", "81.10"),
        ("gold", "65.05"),
    ]
    assert answer["pyramid"]["version"] == "value@1"
    assert answer["pyramid"]["coefficients"] == {"frequency": "2", "money": "0.1"}


def test_a_definition_can_be_tried_without_keeping_it(app: Served) -> None:
    tried = _post(app, "try", BODY, app.token, **DAY).json()
    first = tried["rows"][0]
    assert (first["definition"], first["tier"], first["net"]) == ("(not kept)", "gold", "130.10")
    assert app.get("/api/sales/pyramids/value").status_code == 404


def test_who_may_only_read_may_not_define(app: Served) -> None:
    assert _post(app, "value/versions", BODY, app.token).status_code == 403


def test_without_a_version_in_force_the_remedy_is_named(app: Served) -> None:
    missing = app.get("/api/sales/pyramid").json()
    assert "there is no pyramid 'value'; write its definition down" in missing["message"]
    posted(app, "value/versions", BODY)
    assert "activate it" in app.get("/api/sales/pyramid").json()["message"]
    assert posted(app, "value/activate", {"version": 7}).status_code == 404


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"coefficients": {"charm": 1}}, "'charm' is no metric; expected some of money"),
        ({"coefficients": {"touchpoint:": 1}}, "is no metric"),
        ({"coefficients": {}}, "expected an object of 1 to 50 numbers"),
        ({"coefficients": {"money": True}}, "money=True is no exact number"),
        ({"tiers": {"gold": "much"}}, "gold='much' is no exact number"),
        ({"tiers": {"gold": 1, "silver": "1.0"}}, "both begin at 1"),
        ({"tiers": {"(below)": 1}}, "is no name"),
        ({"currency": "lira"}, "currency='lira'; expected an ISO 4217 code"),
        ({"colour": "red"}, "expected coefficients, currency, tiers"),
    ],
)
def test_what_is_no_definition_is_refused_with_what_is(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidDefinition, match=said.replace("(", r"\(").replace(")", r"\)")):
        definition_of({**BODY, **change})


def test_a_definition_is_read_back_from_its_file_and_from_the_log() -> None:
    definition = definition_of({**BODY, "coefficients": {"touchpoint:Review Written": "0.30", "money": 10}})
    assert read_definition(definition.toml()) == definition
    assert stored_definition(definition.content()) == definition
    exact = read_definition('currency = "TRY"\n[coefficients]\nmoney = 0.1\n[tiers]\ngold = 1\n')
    assert exact.coefficients["money"] == Decimal("0.1")
    with pytest.raises(InvalidDefinition, match="not TOML"):
        read_definition("currency = ")
