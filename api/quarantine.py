"""Quarantine over HTTP: what `cdp quarantine` can do, and what became of anything that was received."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from api.quarantine_answers import (
    described_count,
    described_delivery,
    described_fixed,
    described_item,
    described_outcome,
    described_page,
    described_removed,
    described_replayed,
    described_verdict,
    described_verdicts,
)
from api.security import Refused, platform_of, refusals, require
from cdp.access import ServiceToken
from cdp.platform import Platform
from cdp.quarantine.change import Change, Patch, Replacement, Unfit
from cdp.quarantine.desk import Desk
from cdp.quarantine.fixing import NotHeld
from cdp.quarantine.lookup import NoDelivery
from cdp.quarantine.opening import Unopened
from cdp.quarantine.replay import Interrupted
from cdp.quarantine.selection import InvalidSelection, Selection, place

router = APIRouter(tags=["quarantine"])

AT_ONCE = 10_000
"""How many items one request replays at most."""

_encode = msgspec.json.Encoder(decimal_format="number").encode
_DAYS = 36_500


class Filter(BaseModel):
    """Which items are meant: those for which all fields given hold."""

    source: str | None = Field(default=None, description="the name of a source")
    reason: str | None = None
    stage: str | None = None
    plan: int | None = Field(default=None, description="the version of the plan that refused it")
    delivery: UUID | None = None
    since: AwareDatetime | None = Field(default=None, description="received then or later")
    until: AwareDatetime | None = Field(default=None, description="received earlier")

    def selection(self, platform: Platform, state: str | None = "held", ids: tuple[UUID, ...] = ()) -> Selection:
        """The items, by the source's id."""
        source = platform.sources.get(self.source).id if self.source else None
        fields = self.model_dump(include={"reason", "stage", "plan", "delivery", "since", "until"})
        return Selection(source=source, state=state, ids=ids, **fields)


class Listing(Filter):
    """A page of items."""

    state: str = Field(default="held", description="held, accepted, duplicate, split, discarded, expired, or all")
    limit: int = Field(default=100, ge=1, le=1_000)
    cursor: str | None = Field(default=None, description="`next` of the page before")


class Meant(Filter):
    """Held items, by what they have in common or by their ids."""

    ids: list[UUID] = Field(default_factory=list, max_length=1_000)


class ReplayRequest(Meant):
    """What to take in again, at most so many in one request."""

    limit: int = Field(default=AT_ONCE, ge=1, le=AT_ONCE)
    cursor: str | None = Field(default=None, description="`next` of the answer before")


class DiscardRequest(Meant):
    """What to give up, and why."""

    why: str = Field(min_length=1, max_length=2_000)
    erase: bool = Field(default=False, description="destroy the bytes now, not when they expire")
    everything: bool = Field(default=False, description="needed where no filter and no ids are given")


class ExpireRequest(BaseModel):
    """How old what is destroyed must be."""

    older_than_days: float = Field(gt=0, le=_DAYS)


class FixRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Fields to set and to take out, or other content for one item. Numbers stay exact."""

    set: dict[str, Any] = {}
    unset: list[str] = []
    text: str | None = None
    base64: str | None = None
    check: bool = False
    source: str | None = None
    reason: str | None = None
    stage: str | None = None
    plan: int | None = None
    delivery: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: list[UUID] = []

    def change(self) -> Change:
        """The change that it asks for; refused unless it is one."""
        given = [bool(self.set or self.unset), self.text is not None, self.base64 is not None]
        if sum(given) != 1:
            raise Refused(422, "invalid", "expected exactly one of: set and unset, text, base64")
        if self.text is not None:
            return Replacement(self.text.encode())
        if self.base64 is not None:
            try:
                return Replacement(b64decode(self.base64, validate=True))
            except binascii.Error:
                raise Refused(422, "invalid", "base64 cannot be decoded; expected standard Base64") from None
        return Patch(self.set, self.unset)

    def selection(self, platform: Platform) -> Selection:
        """The items that it means."""
        source = platform.sources.get(self.source).id if self.source else None
        return Selection(
            ids=tuple(self.ids),
            source=source,
            reason=self.reason,
            stage=self.stage,
            plan=self.plan,
            delivery=self.delivery,
            since=self.since,
            until=self.until,
        )


_fix_decoder = msgspec.json.Decoder(FixRequest, float_hook=Decimal)
_FIX_SCHEMA = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "set": {"type": "object", "description": "path → value, such as properties.total"},
                        "unset": {"type": "array", "items": {"type": "string"}},
                        "text": {"type": "string", "description": "the item's whole new content"},
                        "base64": {"type": "string", "description": "the same, where it is no text"},
                        "check": {"type": "boolean", "description": "only say what the reader says of it"},
                    },
                }
            }
        },
    }
}


async def _fix_request(request: Request) -> FixRequest:
    platform: Platform = request.app.state.platform
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > 2 * platform.settings.max_inflated_bytes:
            raise Refused(413, "too_large", f"the body passes {2 * platform.settings.max_inflated_bytes} bytes")
    try:
        return _fix_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(422, "invalid", f"the body cannot be read: {error}") from None


def _desk(platform: Annotated[Platform, Depends(platform_of)]) -> Desk:
    return Desk(platform)


@contextmanager
def _answered() -> Iterator[None]:
    """What the desk raises, as refusals."""
    try:
        yield
    except (InvalidSelection, Unfit) as error:
        raise Refused(422, "invalid", str(error)) from error
    except (Unopened, NoDelivery) as error:
        raise Refused(404, "not_found", str(error)) from error
    except NotHeld as error:
        raise Refused(409, "not_held", str(error)) from error
    except Interrupted as error:
        raise Refused(503, "unavailable", str(error), {"Retry-After": "2"}) from error


Plat = Annotated[Platform, Depends(platform_of)]
AtDesk = Annotated[Desk, Depends(_desk)]
Reader = Annotated[ServiceToken, Depends(require("quarantine:read"))]
Writer = Annotated[ServiceToken, Depends(require("quarantine:write"))]
Fix = Annotated[FixRequest, Depends(_fix_request)]


def _exact(content: Any) -> Response:
    """An answer whose numbers are exact."""
    return Response(_encode(content), media_type="application/json")


@router.get("/quarantine", responses=refusals(404, 422))
def list_quarantine(platform: Plat, desk: AtDesk, token: Reader, asked: Annotated[Listing, Query()]) -> Response:
    """Items in the order in which they were received, without what they hold."""
    with _answered():
        selection = asked.selection(platform, None if asked.state == "all" else asked.state)
        found = desk.page(selection, asked.limit, place(asked.cursor) if asked.cursor else None)
        return _exact(described_page(platform, found))


@router.get("/quarantine/counts", responses=refusals(404, 422))
def count_quarantine(
    platform: Plat,
    desk: AtDesk,
    token: Reader,
    asked: Annotated[Filter, Query()],
    state: Literal["held", "accepted", "duplicate", "split", "discarded", "expired", "all"] = "held",
) -> Response:
    """How many items there are, by source, stage, reason and state."""
    with _answered():
        found = desk.counts(asked.selection(platform, None if state == "all" else state))
        return _exact([described_count(platform, each) for each in found])


@router.post("/quarantine/replay", responses=refusals(404, 422, 503))
def replay_quarantine(platform: Plat, desk: AtDesk, token: Writer, asked: ReplayRequest) -> Response:
    """Takes held items in again, in their first place and time. `next` says where to go on after the limit."""
    with _answered():
        after = place(asked.cursor) if asked.cursor else None
        selection = asked.selection(platform, ids=tuple(asked.ids))
        done = desk.replay(selection, actor=token.name, limit=asked.limit, after=after)
        return _exact(described_replayed(done))


@router.post("/quarantine/fix", responses=refusals(404, 422, 503), openapi_extra=_FIX_SCHEMA)
def fix_quarantine(platform: Plat, desk: AtDesk, token: Writer, asked: Fix) -> Response:
    """Mends all held items that are meant alike; says before that (`check`), of the first ones, what comes of it."""
    with _answered():
        change, selection = asked.change(), asked.selection(platform)
        if isinstance(change, Replacement):
            raise Refused(422, "invalid", "text and base64 replace one item; post them to /api/quarantine/{id}/fix")
        if selection.unlimited:
            raise Refused(422, "invalid", "nothing says which items are meant; expected a filter or ids")
        verdicts = described_verdicts(desk.verdicts(selection, change))
        if asked.check:
            return _exact({"verdicts": verdicts})
        return _exact({"verdicts": verdicts, **described_fixed(desk.fix(selection, change, actor=token.name))})


@router.post("/quarantine/discard", responses=refusals(404, 422, 503))
def discard_quarantine(platform: Plat, desk: AtDesk, token: Writer, asked: DiscardRequest) -> Response:
    """Gives held items up, for a reason that is kept with who gave it."""
    with _answered():
        selection = asked.selection(platform, ids=tuple(asked.ids))
        if selection.unlimited and not asked.everything:
            raise Refused(422, "invalid", 'nothing says which items are meant; give a filter, ids, or "everything"')
        return _exact(described_removed(desk.discard(selection, why=asked.why, actor=token.name, erase=asked.erase)))


@router.post("/quarantine/expire", responses=refusals(422, 503))
def expire_quarantine(desk: AtDesk, token: Writer, asked: ExpireRequest) -> Response:
    """Destroys the bytes of everything received longer ago; what of it is held is discarded with that."""
    with _answered():
        until = datetime.now(UTC) - timedelta(days=asked.older_than_days)
        return _exact(described_removed(desk.expire(until, actor=token.name)))


@router.get("/quarantine/{quarantine_id}", responses=refusals(404))
def show_quarantined(quarantine_id: UUID, platform: Plat, desk: AtDesk, token: Reader, raw: bool = False) -> Response:
    """One item with its history. Its values are masked; `raw` shows them and needs `quarantine:write`."""
    if raw and "quarantine:write" not in token.scopes:
        message = f"token {token.name!r} lacks the scope quarantine:write, which raw content needs; leave raw out"
        raise Refused(403, "forbidden", message)
    with _answered():
        return _exact(described_item(platform, desk.show(quarantine_id), raw=raw))


@router.post("/quarantine/{quarantine_id}/fix", responses=refusals(404, 409, 422, 503), openapi_extra=_FIX_SCHEMA)
def fix_quarantined(quarantine_id: UUID, desk: AtDesk, token: Writer, asked: Fix) -> Response:
    """Mends one item, and says what the reader says of it; with `check` it only says so."""
    with _answered():
        change = asked.change()
        verdict = described_verdict(desk.verdict(quarantine_id, change))
        if asked.check:
            return _exact({"verdict": verdict})
        fixed = desk.fix(Selection(ids=(quarantine_id,)), change, actor=token.name)
        return _exact({"verdict": verdict, **described_fixed(fixed)})


@router.get("/deliveries/{delivery_id}", responses=refusals(404))
def show_delivery(delivery_id: UUID, platform: Plat, desk: AtDesk, token: Reader, item: int | None = None) -> Response:
    """What became of every item of a delivery, or of one."""
    with _answered():
        if item is not None:
            return _exact(described_outcome(desk.item(delivery_id, item)))
        return _exact(described_delivery(platform, desk.delivery(delivery_id)))


@router.get("/deliveries", responses=refusals(404))
def find_message(platform: Plat, desk: AtDesk, token: Reader, source: str, message_id: str) -> Response:
    """What became of the items with a source's message id."""
    found = desk.message(platform.sources.get(source).id, message_id)
    return _exact([described_outcome(each) for each in found])
