"""What the property test throws at the door: requests of good, bad, repeated, conflicting and late items, and bodies
that cannot be split; each item with the content that it has once it is mended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

Item = dict[str, Any]

_FAR = timedelta(days=45)


@dataclass(frozen=True)
class Thrown:
    """One item. `breaking` turns the mended content into what is sent; None for an item that is good.

    `fields` says whether the mended content is reached by setting and taking out fields.
    """

    mended: Item
    breaking: str | None = None

    @property
    def sent(self) -> bytes:
        """The bytes that are sent."""
        if self.breaking is None:
            return _encoded(self.mended)
        broken: bytes = BREAKING[self.breaking](self.mended)
        return broken

    @property
    def patch(self) -> dict[str, Any] | None:
        """The fields to set, where that mends it."""
        fields = FIELDS.get(self.breaking or "")
        return None if fields is None else {name: self.mended[name] for name in fields}


@dataclass(frozen=True)
class Request:
    """One request, so long after the one before. `cut` is where a body that cannot be split was cut off."""

    items: list[Thrown]
    common: Item
    single: bool
    cut: float | None
    pause: timedelta
    skew: timedelta | None

    @property
    def path(self) -> str:
        """The route that it takes."""
        return "/v1/track" if self.single else "/v1/batch"

    def body(self, contents: list[bytes], now: datetime) -> bytes:
        """The whole body with these items."""
        if self.single:
            return contents[0]
        common = dict(self.common)
        if self.skew is not None:
            common["sentAt"] = (now - self.skew).isoformat()
        rest = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in common.items())
        return b'{"batch": [' + b", ".join(contents) + b"]" + rest.encode() + b"}"

    def sent(self, now: datetime) -> bytes:
        """The body as it is sent."""
        whole = self.body([each.sent for each in self.items], now)
        return whole if self.cut is None else whole[: int(self.cut * (len(whole) - 1))]


def _encoded(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False).encode()


def _without(*names: str) -> Any:
    return lambda item: _encoded({name: value for name, value in item.items() if name not in names})


def _with(**fields: Any) -> Any:
    return lambda item: _encoded({**item, **fields})


BREAKING: dict[str, Any] = {
    "missing_event": _without("event"),
    "missing_identifier": _with(userId=None, anonymousId=None, context={"traits": {}}),
    "invalid_time": _with(timestamp="yesterday"),
    "time_without_zone": _with(timestamp="2026-03-01T12:00:00"),
    "time_out_of_range": _with(timestamp="1815-12-10T00:00:00Z"),
    "wrong_type": _with(properties=[1]),
    "wrong_id": _with(userId={"a": 1}),
    "invalid_message_id": _with(messageId=7),
    "invalid_text": lambda item: _encoded({**item, "x": "?"}).replace(b'"?"', rb'"\ud800"'),
    "nul": lambda item: _encoded({**item, "x": "?"}).replace(b'"?"', rb'"\u0000"'),
    "too_deep": lambda item: _encoded({**item, "x": 0}).replace(b'"x": 0', b'"x": ' + b"[" * 40 + b"]" * 40),
    "too_large": lambda item: _encoded({**item, "x": "long" * 5_000}),
    "not_an_object": lambda item: b"5",
}
FIELDS = {
    "missing_event": ("event",),
    "invalid_time": ("timestamp",),
    "time_without_zone": ("timestamp",),
    "time_out_of_range": ("timestamp",),
    "wrong_type": ("properties",),
    "wrong_id": ("userId",),
    "invalid_message_id": ("messageId",),
}

MOMENTS = ["2026-03-01T12:00:00Z", "2026-02-01T09:30:00.123+03:00", "2019-07-04T00:00:00Z", "2031-01-01T00:00:00Z"]


def contents(message_ids: list[str | None]) -> st.SearchStrategy[Item]:
    """Good items with message ids of a small pool, so that repetitions and conflicts are many."""
    return st.fixed_dictionaries(
        {
            "type": st.just("track"),
            "event": st.sampled_from(["Order Completed", "Case Opened", "Ayşe called"]),
            "userId": st.sampled_from(["u-1", "u-2", 42]),
            "messageId": st.sampled_from(message_ids),
            "timestamp": st.sampled_from(MOMENTS),
            "properties": st.sampled_from([{}, {"total": "12.50", "order_id": "A-1", "note": "kapıya"}]),
        },
        optional={
            "anonymousId": st.just("a-1"),
            "context": st.sampled_from([{"ip": "203.0.113.7"}, {"traits": {"email": "ada@example.com"}}]),
        },
    )


def thrown(pool: str) -> st.SearchStrategy[Thrown]:
    """Items whose message ids are those of the pool. A bad one never shares its id with a good one: which of two comes
    first must not depend on when it is mended."""
    good = st.builds(Thrown, contents([f"{pool}-g1", f"{pool}-g2", None]))
    bad = st.builds(Thrown, contents([f"{pool}-b1", f"{pool}-b2"]), st.sampled_from(sorted(BREAKING)))
    return st.one_of(good, bad, st.builds(lambda item: Thrown({**item, "messageId": f"{pool}-g1"}), contents([None])))


@st.composite
def requests(draw: st.DrawFn) -> list[Request]:
    """A few requests. A body that cannot be split has message ids of its own, for the same reason."""
    found = []
    for at in range(draw(st.integers(1, 4))):
        cut = draw(st.none() | st.none() | st.floats(0, 1, exclude_max=True))
        single = draw(st.integers(0, 4)) == 0
        pool = "all" if cut is None else f"cut-{at}"
        items = draw(st.lists(thrown(pool), min_size=1 if single else 0, max_size=1 if single else 5))
        common = {} if single else draw(st.sampled_from([{}, {"context": {"ip": "198.51.100.1", "locale": "tr"}}]))
        pause = timedelta(seconds=1) + (_FAR if draw(st.integers(0, 9)) == 0 else timedelta())
        skew = draw(st.sampled_from([None, timedelta(0), timedelta(hours=2), -timedelta(days=400)]))
        found.append(Request(items, common, single, cut, pause, skew))
    return found
