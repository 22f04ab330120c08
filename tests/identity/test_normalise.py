"""The form in which identifiers are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.identity import normalise
from cdp.identity.identifier import GLOBAL, Identifier
from cdp.identity.normalise import InvalidIdentifier, identifier, name_key


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("Ayse.Yilmaz@Example.COM", "ayse.yilmaz@example.com"),
        ("  ayse@example.com ", "ayse@example.com"),
        ("ayse+kampanya@example.com", "ayse+kampanya@example.com"),
        ("ay.se+kampanya@gmail.com", "ayse@gmail.com"),
        ("Ay.Se@googlemail.com", "ayse@gmail.com"),
        ("ayse@bücher.example", "ayse@xn--bcher-kva.example"),
    ],
)
def test_an_address_has_one_match_key(value: str, key: str) -> None:
    assert identifier("email", value, "shop", "TR") == Identifier("email", GLOBAL, key)


@pytest.mark.parametrize(
    "value",
    [
        "+90 532 123 45 67",
        "0532 123 45 67",
        "5321234567",
        "00905321234567",
        "0532 123 45 67 dahili 12",
        "(0532) 123-4567",
    ],
)
def test_a_turkish_number_has_one_form(value: str) -> None:
    assert identifier("phone", value, "shop", "TR") == Identifier("phone", GLOBAL, "+905321234567")


def test_a_number_without_country_is_the_settings() -> None:
    assert identifier("phone", "030 901820", "shop", "DE").value == "+4930901820"


def test_other_types_keep_their_case_and_their_namespace() -> None:
    assert identifier("user_id", " Ab-1 ", "shop", "TR") == Identifier("user_id", "shop", "Ab-1")
    assert identifier("user_id", 42, "shop", "TR") == identifier("user_id", "42", "shop", "TR")
    assert identifier("user_id", "e\u0301", "shop", "TR") == identifier("user_id", "é", "shop", "TR")


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("email", "nobody"),
        ("email", "a@b"),
        ("email", "a b@example.com"),
        ("phone", "0000000000"),
        ("phone", "12"),
        ("phone", "call me"),
        ("user_id", ""),
        ("user_id", "  "),
        ("user_id", True),
        ("user_id", 1.5),
        ("user_id", None),
        ("user_id", "x" * 513),
    ],
)
def test_what_identifies_nobody_is_refused_without_quoting_it(type_: str, value: object) -> None:
    with pytest.raises(InvalidIdentifier) as error:
        identifier(type_, value, "shop", "TR")
    assert type_ in str(error.value)
    if isinstance(value, str) and len(value) > 3:
        assert value not in str(error.value)


LOCAL = st.text("abzAZ09._+%-", min_size=1, max_size=12)
DOMAIN = st.lists(st.text("ab0-z", min_size=1, max_size=6), min_size=1, max_size=3).map(".".join)


@given(LOCAL, DOMAIN, st.sampled_from(["com", "net", "org", "tr", "com.tr", "de", "info"]))
def test_the_quick_way_agrees_with_the_library(local: str, domain: str, end: str) -> None:
    address = f"{local}@{domain}.{end}"
    folded = address.lower()
    if normalise._PLAIN.match(folded) and "--" not in folded:
        assert "@".join(normalise._validated(address)) == folded


@pytest.mark.parametrize("name", ["İSMAİL IŞIK", "ismail ışık", "Ismail Isik", "i̇smail işik"])
def test_turkish_names_match_however_they_are_typed(name: str) -> None:
    assert name_key(name) == "ismail isik"
