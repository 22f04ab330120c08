"""Identity over HTTP: what `cdp identity` can do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from api import identity_answers
from api.exact import Body
from api.explanation_answers import explanation_answer
from api.point_in_time import InvalidMoment, point_in_time
from api.rules import rules_router
from api.security import platform_of, reading, refusals, require
from api.trial_answers import SHOWN, tried_decision, tried_rules
from cdp.access import ServiceToken
from cdp.identity.normalise import InvalidIdentifier
from cdp.platform import Platform
from cdp.policy.form import FORMS, IDENTITY_FORM
from cdp.policy.naming import IdentifierUnknown, NotNamed, SeveralMeant
from cdp.policy.reason import InvalidReason
from cdp.policy.rule_book import IDENTITY, KINDS
from cdp.policy.rule_books import RulesChanged, UnknownVersion
from cdp.policy.stewards import DecisionChanged, NothingDecided, SameIdentifier

router = APIRouter()

REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    *((form.invalid, 422, "invalid") for form in FORMS.values()),
    (InvalidReason, 422, "invalid"),
    (InvalidMoment, 400, "invalid_moment"),
    (NotNamed, 422, "invalid"),
    (SameIdentifier, 422, "invalid"),
    (InvalidIdentifier, 422, "invalid_identifier"),
    (SeveralMeant, 422, "several_namespaces"),
    (IdentifierUnknown, 404, "identifier_unknown"),
    (NothingDecided, 404, "not_found"),
    (UnknownVersion, 404, "not_found"),
    (DecisionChanged, 409, "changed"),
    (RulesChanged, 409, "changed"),
)
MOST = 500
MOST_CHANGES = 100_000

Plat = Annotated[Platform, Depends(platform_of)]
Reader = Annotated[ServiceToken, Depends(require("identity:read"))]
Writer = Annotated[ServiceToken, Depends(require("identity:write"))]
_DRY = "only say which profiles would merge or split"
_NAMED = "TYPE:VALUE, such as email:ada@example.com, or TYPE@NAMESPACE:VALUE, such as user_id@shop:42"


class OfTwo(BaseModel):
    """A decision about two identifiers."""

    identifiers: list[str] = Field(min_length=2, max_length=2, description=_NAMED)
    reason: str
    dry_run: bool = Field(default=False, description=_DRY)


class OfOne(BaseModel):
    """A decision about one identifier."""

    identifiers: list[str] = Field(min_length=1, max_length=1, description=_NAMED)
    reason: str
    dry_run: bool = Field(default=False, description=_DRY)


class OfEither(BaseModel):
    """The identifiers whose decision is taken back: two, or one that was blocked."""

    identifiers: list[str] = Field(min_length=1, max_length=2, description=_NAMED)
    reason: str
    dry_run: bool = Field(default=False, description=_DRY)


tagged = APIRouter(prefix="/identity", tags=["identity"])


@tagged.post("/link", responses=refusals(404, 409, 422))
def link(decision: OfTwo, platform: Plat, token: Writer) -> dict[str, Any]:
    """Both identifiers are one person's, whatever limits say."""
    return _decided(platform, "link", decision, token)


@tagged.post("/unlink", responses=refusals(404, 409, 422))
def unlink(decision: OfTwo, platform: Plat, token: Writer) -> dict[str, Any]:
    """The identifiers are never one person's. Takes the place of a link between them."""
    return _decided(platform, "unlink", decision, token)


@tagged.post("/block", responses=refusals(404, 409, 422))
def block(decision: OfOne, platform: Plat, token: Writer) -> dict[str, Any]:
    """The identifier says nothing about anybody."""
    return _decided(platform, "block", decision, token)


@tagged.post("/release", responses=refusals(404, 409, 422))
def release(decision: OfEither, platform: Plat, token: Writer) -> dict[str, Any]:
    """Takes a decision back, as if it had never been taken."""
    return _decided(platform, "release", decision, token)


def _decided(platform: Platform, kind: str, decision: OfTwo | OfOne | OfEither, token: ServiceToken) -> dict[str, Any]:
    if decision.dry_run:
        with reading(platform) as connection:
            return tried_decision(platform, connection, kind, decision.identifiers)
    return identity_answers.decide(platform, kind, decision.identifiers, token.name, decision.reason)


@tagged.get("/decisions", responses=refusals(404, 422))
def list_decisions(
    platform: Plat,
    token: Reader,
    identifier: Annotated[str | None, Query(description=f"only about this one: {_NAMED}")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Annotated[int | None, Query(ge=1, description="`next` of the page before")] = None,
) -> dict[str, Any]:
    """Everything that was decided, rules too, with who and why, the latest first. Pages are stable."""
    return identity_answers.decisions(platform, limit, cursor, identifier)


@tagged.get("/explain", responses=refusals(404, 422, 503))
def explain(
    platform: Plat,
    token: Reader,
    a: Annotated[str, Query(description=_NAMED)],
    b: Annotated[str, Query(description=_NAMED)],
    as_of: Annotated[str | None, Query(description="what was true at this moment")] = None,
    known_at: Annotated[str | None, Query(description="as known at this position of the log, or at this time")] = None,
) -> dict[str, Any]:
    """By which touchpoints, decisions and rules two identifiers are one profile, or every reason why they are not."""
    point = point_in_time(platform, as_of, known_at)
    with reading(platform) as connection:
        return explanation_answer(platform, connection, a, b, point)


@tagged.post("/try", responses=refusals(404, 422, 503))
def try_rules(
    rules: Body,
    platform: Plat,
    token: Reader,
    limit: Annotated[
        int, Query(ge=0, le=MOST_CHANGES, description="how many changes to name; all are counted")
    ] = SHOWN,
) -> dict[str, Any]:
    """Every profile that would merge or split under the rules in the body, or without one the last version."""
    candidate = identity_answers.last_version(platform, IDENTITY) if rules is None else IDENTITY_FORM.of(rules)
    with reading(platform) as connection:
        return tried_rules(platform, connection, candidate, limit)


router.include_router(tagged)
for _kind in KINDS:
    router.include_router(rules_router(_kind))
