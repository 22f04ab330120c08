"""Plans as documents: what can be planned, what is refused and with which remedy, and that a file says it whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.ingest.catalogue import EVENTS, LINE, Kind
from cdp.plans.document import InvalidPlan, PlanDocument
from cdp.plans.person import names_a_person, would_expose
from cdp.plans.toml_form import read_plan, write_plan

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10)
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "number", "object"]),
            "title": TEXTS | st.just('a "quoted" \\ line\nof two'),
            "minimum": st.integers(-(10**20), 10**20) | st.decimals(-100, 100, places=3),
            "enum": st.lists(TEXTS | st.none() | st.booleans() | st.integers(), min_size=1, unique_by=repr),
            "const": st.none() | TEXTS,
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1),
        },
    ),
    max_leaves=6,
)
EVENT_PLANS = st.fixed_dictionaries(
    {},
    optional={
        "description": TEXTS,
        "class": st.sampled_from(["health", "content"]),
        "business": st.dictionaries(
            st.sampled_from(["fee", "points", "products[].size"]), st.sampled_from(["amount", "count"])
        ),
        "classes": st.dictionaries(
            st.sampled_from(["note", "traits.shoe", "products[].cut"]), st.sampled_from(["health", "contact"])
        ),
        "schema": SCHEMAS,
        "traits": SCHEMAS,
        "context": SCHEMAS,
    },
)
PLANS = st.builds(
    lambda mode, events: PlanDocument.of({"mode": mode, "events": events}),
    st.sampled_from(["off", "warn", "block"]),
    st.dictionaries(NAMES, EVENT_PLANS, max_size=4),
)


@given(PLANS, TEXTS)
def test_a_file_says_all_that_the_plan_says(plan: PlanDocument, heading: str) -> None:
    text = write_plan(plan, heading, dict.fromkeys(plan.events, "seen often"))
    found = read_plan(text)
    assert (found.mode, found.content()) == (plan.mode, plan.content())
    assert write_plan(found) == write_plan(plan)


def test_a_plan_is_written_for_reviewers() -> None:
    plan = PlanDocument.of(
        {
            "mode": "block",
            "events": {
                "Order Completed": {
                    "business": {"fee": "amount"},
                    "classes": {"note": "health"},
                    "schema": {
                        "type": "object",
                        "required": ["total"],
                        "properties": {
                            "total": {"type": "number", "minimum": Decimal("0.5")},
                            "note": {"type": "string"},
                        },
                    },
                }
            },
        }
    )
    assert write_plan(plan) == (
        'mode = "block"\n'
        "\n"
        '[events."Order Completed"]\n'
        "\n"
        '[events."Order Completed".business]\n'
        'fee = "amount"\n'
        "\n"
        '[events."Order Completed".classes]\n'
        'note = "health"\n'
        "\n"
        '[events."Order Completed".schema]\n'
        'type = "object"\n'
        'required = ["total"]\n'
        "\n"
        '[events."Order Completed".schema.properties]\n'
        'note = { type = "string" }\n'
        'total = { type = "number", minimum = 0.5 }\n'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mode = ", "not TOML"),
        ('mode = "loud"', "mode 'loud'.*off, warn, block"),
        ('colour = "red"', "'colour'.*mode, events"),
        ('[events."a@b.example"]', "names nobody"),
        ('[events." x"]', "cannot be planned"),
        ('[events.X]\nplan = "y"', "event 'X' has 'plan'"),
        ("[events]\nX = 5", "event 'X' is int"),
        ('[events.X.business]\nfee = "money"', "'money'.*amount, count, label, .*reference"),
        ("[events.X.business]\nfee = 5", "no table of texts"),
        ('[events.X.business]\nemail = "label"', "'email' is a field of a person.*in the clear"),
        ('[events.X.business]\ncustomer_id = "reference"', "tells of a person.*leave it out or give it a class"),
        ('[events.X.business]\n"traits.tier" = "label"', "traits say something of a person"),
        ('[events.X.business]\n"products[].serial" = "reference"', "make it a label"),
        ('[events.X.business]\n"products[0].x" = "label"', "such as total"),
        ('[events.X.classes]\nnote = "Health!"', "no field class.*raw"),
        ('[events.X]\nclass = "raw"', "no field class"),
        ('[events.X]\nbusiness = { a = "count" }\nclasses = { a = "health" }', "keep it in one"),
        ("[events.X]\nschema = 5", "expected a JSON Schema"),
        ('[events.X.schema]\ntype = "nonsense"', "at type: .*nonsense"),
        ('[events.X.schema]\n"$ref" = "https://schemas.example/x"', "stay within the schema"),
        ('[events.X.schema]\nformat = "emial"', "formats be known"),
        ('[events.X.schema]\npattern = "(?=a)b"', "without look-around"),
        ("[events.X.schema]\nminimum = inf", "Infinity"),
        ("[events.X.schema]\nconst = 2026-01-31", "2026-01-31, which JSON has not"),
        ("[events.X]\nschema = '{'", "a text and not JSON"),
        ("[events.X.schema]\nminimum = 1e99999999999999999999", "out of range"),
        ("[events.X]\nschema = '{\"minimum\": 1e99999999999999999999}'", "out of range"),
        ("[events.X]\nschema = '" + '{"not":' * 50 + "{}" + "}" * 50 + "'", "nested too deep"),
    ],
)
def test_what_cannot_be_planned_is_named_with_the_remedy(text: str, expected: str) -> None:
    with pytest.raises(InvalidPlan, match=expected):
        read_plan(text)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "email",
            "e_mail",
            "E-Mail",
            "customerEmail",
            "billing_email",
            "emailAddress",
            "phone",
            "phoneNumber",
            "gsm_no",
        ),
        *("firstName", "last_name", "fullName", "customer_name", "name", "müşteriAdı", "adres", "adSoyad", "TCKN"),
        *("telefon", "birthday", "dogum_tarihi", "doğumTarihi", "ip", "ipAddress", "url", "page_url", "user_id"),
        *(
            "customerId",
            "deviceId",
            "card_number",
            "kartNo",
            "iban",
            "passportNumber",
            "street",
            "postalCode",
            "userAgent",
        ),
    ],
)
def test_a_persons_field_is_known_by_its_name(name: str) -> None:
    assert names_a_person(name)
    with pytest.raises(InvalidPlan, match="business"):
        PlanDocument.of({"events": {"Own Event": {"business": {name: "label"}}}})


@pytest.mark.parametrize(
    "name",
    [
        *("total", "fee", "tutar", "product_name", "campaign_name", "store", "sku", "currency", "order_id", "points"),
        *(
            "warranty_months",
            "table_number",
            "shipping_method",
            "discount",
            "quantity",
            "page_count",
            "slot",
            "image_count",
        ),
    ],
)
def test_a_thing_is_no_person(name: str) -> None:
    assert names_a_person(name) is None


def test_nothing_that_the_catalogue_declares_is_refused() -> None:
    for event, properties in EVENTS.items():
        assert not [name for name in properties if would_expose(event, name, False)]
    assert not [name for name in LINE if would_expose("", name, True)]
    PlanDocument.of({"events": {"Order Completed": {"business": {"name": "label", "products[].name": "label"}}}})


def test_the_same_plan_has_the_same_content_whatever_its_order() -> None:
    one: dict[str, Any] = {"X": {"business": {"a": "count", "b": "label"}}, "Y": {}}
    two: dict[str, Any] = {"Y": {}, "X": {"business": {"b": "label", "a": "count"}}}
    assert PlanDocument.of({"events": one}).content() == PlanDocument.of({"events": two}).content()
    assert PlanDocument.of({"events": one}).events["X"].business["a"] is Kind.COUNT
