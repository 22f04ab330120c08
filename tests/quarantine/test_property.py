"""Whatever is thrown at the door, the books hold after every step, and what is mended ends where it would have been."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from tests.postgres.cluster import Cluster
from tests.quarantine.throws import Item, Request, requests
from tests.quarantine.twins import Side, Twins, opened

pytestmark = pytest.mark.slow

_numbers = itertools.count(1)

EXAMPLES = 25


@pytest.fixture(scope="module")
def twins(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with opened(cluster, tmp_path_factory.mktemp("twins")) as found:
        yield found


@hypothesis_settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(thrown=requests())
def test_every_held_item_once_mended_ends_where_it_would_have_been(twins: Twins, thrown: list[Request]) -> None:
    real, twin, clock = twins
    name = f"s{next(_numbers)}"
    for side in (real, twin):
        side.source(name)
    moments = []
    for request in thrown:
        clock.advance(request.pause)
        moments.append(clock.moment)
        real.post(request.path, request.sent(clock.moment))

    mended = _mend_everything(real, thrown, moments)
    assert real.ask("/quarantine", source=name)["items"] == []

    for at, (request, moment) in enumerate(zip(thrown, moments, strict=True)):
        clock.moment = moment
        contents = [_encoded(mended[at, item]) for item in range(len(request.items))]
        twin.post(request.path, request.body(contents, moment))
    clock.moment = moments[-1]
    assert real.books() == twin.books()
    assert real.outcomes() == twin.outcomes()
    assert real.stored() == twin.stored()


def _mend_everything(real: Side, thrown: list[Request], moments: list[datetime]) -> dict[tuple[int, int], Item]:
    """Mends all that is held until nothing is, and says what each item holds then."""
    mended = {(at, item): each.mended for at, request in enumerate(thrown) for item, each in enumerate(request.items)}
    for _ in range(4):
        held = real.ask("/quarantine", source=real.name, limit=1_000)["items"]
        if not held:
            break
        order = {str(delivery_id): at for at, (delivery_id, _) in enumerate(real.deliveries())}
        for each in held:
            _mend(real, each, thrown, moments, order[each["delivery"]], mended)
        real.tell("/quarantine/replay", source=real.name)
    return mended


def _mend(
    real: Side, held: Item, thrown: list[Request], moments: list[datetime], at: int, mended: dict[tuple[int, int], Item]
) -> None:
    """Mends one item over HTTP: the whole body it should have been, a message id of its own, or what it lacks."""
    place = at, held["item"]
    request = thrown[at]
    if held["whole"]:
        whole = request.body([each.sent for each in request.items], moments[at])
        fix: dict[str, Any] = {"text": whole.decode()}
    elif held["reason"] == "conflict":
        mended[place] = {**mended[place], "messageId": _id_by_content(mended[place])}
        fix = {"set": {"messageId": mended[place]["messageId"]}}
    else:
        item = request.items[held["item"]]
        by_fields = item.patch is not None and not (request.single and request.cut is not None)
        fix = {"set": item.patch} if by_fields else {"text": _encoded(item.mended).decode()}
    verdict = real.tell(f"/quarantine/{held['id']}/fix", **fix)["verdict"]
    assert held["whole"] or verdict["readable"], verdict


def _id_by_content(item: Item) -> str:
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()


def _encoded(item: Item) -> bytes:
    return json.dumps(item, ensure_ascii=False).encode()
