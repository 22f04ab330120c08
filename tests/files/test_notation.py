"""A mapping that cannot be used is refused with the key, what was expected there, and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdp.sources.files.notation import load_mapping, read_mapping
from cdp.sources.files.table import InvalidMapping
from tests.files.importing import KEYLESS, SALES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("path", sorted((DOCS / "mappings").glob("*.toml")), ids=lambda path: path.stem)
def test_the_mappings_in_the_documentation_can_be_read(path: Path) -> None:
    assert load_mapping(path).columns


def test_every_column_that_a_mapping_reads_is_known() -> None:
    assert read_mapping(SALES).columns == ["card", "order", "pieces", "price", "product", "when"]


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        (("[time]", "[tims]"), "tims", "Did you mean `time`"),
        (('[time]\ncolumn = "when"\nzone = "+03:00"', ""), "key", "a natural key or a time column"),
        (('zone = "+03:00"', 'zone = "Mars"'), "time.zone", "Europe/Istanbul"),
        (('name = "Product Viewed"', ""), "event.name", "what happened"),
        (('type = "user_id"', ""), "identifiers[0].type", "a value"),
        (('type = "user_id"', 'type = "User Id"'), "identifiers[0].type", "loyalty_card"),
        (
            ('type = "user_id"', 'type = "user_id"\nrole = "agent"'),
            "identifiers",
            "at least one identifier of role self",
        ),
        (
            ('product_id = "what"', 'product_id = { column = "what", kind = "money" }'),
            "properties.product_id.kind",
            "decimal",
        ),
        (
            ('product_id = "what"', 'product_id = { column = "what", knd = "text" }'),
            "properties.product_id.knd",
            "kind",
        ),
        (('product_id = "what"', "product_id = 5"), "properties.product_id", "a table"),
        (('product_id = "what"', 'x = { multiply = ["a"] }'), "properties.x.multiply", "a list of two columns"),
        (("[event]", "[group]\nby = []\n[event]"), "group.by", "at least one column"),
        (("[event]", "[group]\nby = ['what']\nwithin = 0\n[event]"), "group.within", "from 1 to"),
        (("[event]", "[file]\nencoding = 'utf-99'\n[event]"), "file.encoding", "windows-1254"),
        (("[event]", "[file]\nseparator = ';;'\n[event]"), "file.separator", "one character"),
        (("[event]", "[numbers]\ndecimal = ','\nthousands = ','\n[event]"), "numbers.thousands", "another sign"),
        (("[event]", "[[skip]]\nbecause = 'x'\ncolumn = 'what'\n[event]"), "skip[0]", "exactly one of equals"),
        (
            ("[event]", "[[skip]]\nbecause='x'\ncolumn='what'\nmatches='('\n[event]"),
            "skip[0].matches",
            "regular expression",
        ),
        (("[event]", "ignore = ['who']\n[event]"), "ignore", "no column that the mapping uses"),
        (
            ("[event]", "[context.traits]\nemail = 'x'\n[[identifiers]]\ncolumn='x'\ntype='email'\n[event]"),
            "context.traits",
            "nothing",
        ),
        (("[event]", "[event"), "the whole text", "TOML"),
        (('column = "when"', 'column = "when"\nrows = "first"'), "lines", "columns of the lines"),
    ],
)
def test_a_wrong_key_is_named(change: tuple[str, str], key: str, expected: str) -> None:
    with pytest.raises(InvalidMapping) as raised:
        read_mapping(KEYLESS.replace(*change))
    assert raised.value.key.startswith(key)
    assert expected in str(raised.value)


def test_a_misspelt_key_gets_a_suggestion() -> None:
    with pytest.raises(InvalidMapping, match="Did you mean `column`"):
        read_mapping(KEYLESS.replace('column = "when"', 'column = "when"\ncolumm = "x"'))


def test_a_missing_mapping_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match=r"m\.toml"):
        load_mapping(tmp_path / "m.toml")
