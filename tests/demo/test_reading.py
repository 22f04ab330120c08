"""What the demo sends is what the collection API knows: canonical names, usable identifiers, exact times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
import pytest

from api.demo.items import CARD, CARD_NAMESPACE, Item
from api.demo.packages import MissingPackage
from api.demo.people import ISTANBUL
from api.demo.synthetic import companion
from cdp.identity.identifier import Identifier
from cdp.ingest.reading import Reader, Reading
from cdp.ingest.split import Split
from cdp.log.touchpoint import UNKNOWN_NAME
from cdp.sources.connectors.segment import CONNECTOR
from cdp.sources.source import Source

RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = Source(
    name="any",
    channel="web",
    brand=None,
    trust="server",
    namespaces={CARD: CARD_NAMESPACE},
    credential_id="",
    key_digest="",
    actor="",
)


def test_synthetic_items_are_read_without_a_flag() -> None:
    first = {
        household: datetime(2017, 1, 2, 12, tzinfo=ISTANBUL) + timedelta(days=household) for household in range(40)
    }

    for items in companion(first, count=40).values():
        _all_known(items)


@pytest.mark.slow
def test_real_items_are_read_without_a_flag() -> None:
    pytest.importorskip("pyarrow", reason="the demo's real data are Parquet files; install the extra `demo`")
    from api.demo.complete_journey import CompleteJourney

    try:
        journey = CompleteJourney.installed()
    except MissingPackage as error:
        pytest.skip(str(error))

    baskets = _all_known(islice(journey.baskets(), 500))
    _all_known(journey.campaigns())
    _all_known(journey.redemptions())
    _all_known(journey.demographics())

    first = baskets[0]
    assert first.clocks.occurred_at == datetime.fromisoformat("2017-01-01T11:53:26+03:00")
    assert first.identifiers == (("self", Identifier(CARD, CARD_NAMESPACE, "900")),)
    assert first.business["properties"]["total"] == "0.50"
    assert first.business["properties"]["products"][0]["department"] == "PASTRY"


ALONE = Split([], {}, None)


def _all_known(items: Iterable[Item]) -> list[Reading]:
    reader = Reader("TR", 512 * 1024)
    readings = [reader.read(msgspec.json.encode(item), SOURCE, CONNECTOR, RECEIVED, None, ALONE) for item in items]
    assert {reading.name for reading in readings}.isdisjoint({UNKNOWN_NAME})
    assert {reading.flags for reading in readings} == {()}
    return readings
