"""Small files and mappings for tests, and a way to import them without other processes."""

from __future__ import annotations

from pathlib import Path

from cdp.imports.ledger import Books
from cdp.imports.runner import Importer, Result
from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform
from cdp.sources.files.notation import read_mapping
from cdp.sources.files.portion import Progress

SALES = """
ignore = ["note"]

[event]
name = "Order Completed"

[time]
column = "when"
zone = "Europe/Istanbul"

[key]
columns = ["order"]
prefix = "order-"

[group]
by = ["order"]

[[identifiers]]
column = "card"
type = "loyalty_card"

[properties]
order_id = "order"
total = { sum = { multiply = ["price", "pieces"] } }
currency = { value = "TRY" }

[lines]
product_id = "product"
price = { column = "price", kind = "decimal" }
quantity = { column = "pieces", kind = "integer" }
"""

HEADER = "order,when,card,product,price,pieces,note"
ROWS = (
    "1,2024-01-31 12:00:00,K1,tea,12.50,2,a",
    "1,2024-01-31 12:00:00,K1,cup,3.10,1,b",
    "2,2024-01-31 12:05:00,K2,tea,12.50,1,c",
    "3,2024-02-01 09:00:00,K1,jam,7.25,3,d",
)

KEYLESS = """
[event]
name = "Product Viewed"
[time]
column = "when"
zone = "+03:00"
[[identifiers]]
column = "who"
type = "user_id"
[properties]
product_id = "what"
"""


def silent(what: str, progress: Progress) -> None:
    """Reports to nobody."""


class Desk:
    """Imports into one source of a platform."""

    def __init__(self, platform: Platform, folder: Path, source: str = "till") -> None:
        self.platform = platform
        self.folder = folder
        self.source = source
        platform.sources.add(source, channel="store", actor="test")

    def write(self, name: str, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
        """A text file."""
        path = self.folder / name
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        return path

    def take(self, path: Path, mapping: str = SALES, again: bool = False, workers: int = 0) -> Result:
        """Imports a file."""
        importer = Importer(self.platform, workers, "test")
        return importer.run(path, self.platform.sources.get(self.source), read_mapping(mapping), silent, again)

    def sales(self, *rows: str, name: str = "sales.csv") -> Books:
        """Imports these rows of the sales file."""
        return self.take(self.write(name, HEADER, *(rows or ROWS))).books

    def touchpoints(self) -> list[Touchpoint]:
        """All touchpoints of the log."""
        return self.platform.opener.open(self.platform.reader.read(0, 100_000))

    def quarantined(self) -> list[tuple[str, str]]:
        """Stage and reason of everything in quarantine."""
        with self.platform.databases.log.connection() as connection:
            return [(stage, reason) for stage, reason in connection.execute("select stage, reason from quarantine")]
