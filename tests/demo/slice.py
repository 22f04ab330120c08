"""A slice of the real data, small enough for tests that send it through the whole platform."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from api.demo.complete_journey import CompleteJourney


def sliced(journey: CompleteJourney, folder: Path, lines: int) -> CompleteJourney:
    """The data set with the year's first `lines` lines only, and every tenth campaign."""
    for name in ("campaign_descriptions", "coupon_redemptions", "demographics", "products"):
        shutil.copy(journey.folder / f"{name}.parquet", folder)
    campaigns = pq.read_table(journey.folder / "campaigns.parquet")
    pq.write_table(campaigns.slice(0, campaigns.num_rows // 10), folder / "campaigns.parquet")
    transactions = pq.ParquetFile(journey.folder / "transactions.parquet")
    first = pa.Table.from_batches([next(transactions.iter_batches(lines))])
    pq.write_table(first, folder / "transactions.parquet")
    return CompleteJourney(folder)
