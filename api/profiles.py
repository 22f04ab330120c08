"""Profiles over HTTP: found by any identifier, with the source of every field, and their timeline."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from api.profile_answers import ProfileAnswer, TimelineAnswer, found_profiles, profile_answer, timeline_answer
from api.security import Refused, platform_of, reading, refusals, require
from cdp.identity.normalise import InvalidIdentifier
from cdp.identity.profile_id import InvalidProfileId, identifier_number
from cdp.platform import Platform
from projections.contract import Connected
from projections.profiles.queries import current_id
from projections.timeline.queries import LATEST, Cursor, InvalidCursor, read_timeline

router = APIRouter(
    tags=["profiles"],
    dependencies=[Depends(require("profiles:read"))],
    responses=refusals(400, 401, 403, 404, 503),
)

Plat = Annotated[Platform, Depends(platform_of)]


class Wanted(BaseModel):
    """One identifier of the person wanted. Types beyond these, as sources name them, are parameters too."""

    model_config = ConfigDict(extra="allow")

    email: str | None = None
    phone: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    loyalty_card: str | None = None
    household_card: str | None = None
    device_id: str | None = None
    namespace: str | None = Field(default=None, description="only there; without it, in the namespaces of all sources")

    def identifier(self) -> tuple[str, str]:
        """Type and value of the one identifier given. Raises `Refused`."""
        given = {type_: value for type_, value in self.model_dump(exclude={"namespace"}).items() if value}
        if len(given) != 1:
            named = ", ".join(sorted(given)) or "none"
            raise Refused(400, "one_identifier", f"expected exactly one identifier, such as ?email=; got {named}")
        [(type_, value)] = given.items()
        return type_, str(value)


class ProfilesAnswer(BaseModel):
    """The profiles that an identifier leads to; of a shared one, whoever authenticated on it last comes first."""

    profiles: list[ProfileAnswer]


@router.get("/profiles")
def find_profiles(platform: Plat, wanted: Annotated[Wanted, Query()]) -> ProfilesAnswer:
    """The profiles of an identifier of any type; several where it is shared or means others elsewhere."""
    type_, value = wanted.identifier()
    with reading(platform) as connection:
        try:
            found = found_profiles(platform, connection, type_, value, wanted.namespace)
        except InvalidIdentifier as error:
            raise Refused(400, "invalid_identifier", str(error)) from error
        if not found:
            message = f"nobody is known by this {type_}; new touchpoints take up to a second to be seen"
            raise Refused(404, "profile_not_found", message)
        return ProfilesAnswer(profiles=[profile_answer(platform, connection, each) for each in found])


@router.get("/profiles/{profile_id}")
def show_profile(platform: Plat, profile_id: str) -> ProfileAnswer:
    """A profile with the source of every field. The id of a profile that was merged leads to the merged one."""
    with reading(platform) as connection:
        return profile_answer(platform, connection, _present(connection, profile_id))


@router.get("/profiles/{profile_id}/timeline")
def show_timeline(
    platform: Plat,
    profile_id: str,
    channel: str | None = None,
    source: Annotated[str | None, Query(description="the source's name or id")] = None,
    name: Annotated[str | None, Query(description="the canonical event name, such as Order Completed")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> TimelineAnswer:
    """The touchpoints of a profile, the latest first. Pages are stable: what is added meanwhile shifts nothing."""
    before = _cursor(cursor)
    source_id = _source(platform, source) if source else None
    with reading(platform) as connection:
        present = _present(connection, profile_id)
        page = read_timeline(connection, present, limit, before, channel, source_id, name)
    return timeline_answer(platform, present, page)


def _present(connection: Connected, profile_id: str) -> str:
    try:
        number = identifier_number(profile_id)
    except InvalidProfileId as error:
        raise Refused(404, "profile_not_found", str(error)) from error
    present = current_id(connection, profile_id.strip().lower(), number)
    if present is None:
        message = f"there is no profile {profile_id}; find one by an identifier, such as /api/profiles?email="
        raise Refused(404, "profile_not_found", message)
    return present


def _cursor(text: str | None) -> Cursor:
    try:
        return LATEST if text is None else Cursor.parse(text)
    except InvalidCursor as error:
        raise Refused(400, "invalid_cursor", str(error)) from error


def _source(platform: Platform, named: str) -> UUID:
    for source in platform.registry.sources():
        if named in (source.name, str(source.id)):
            return source.id
    raise Refused(404, "source_not_found", f"there is no source {named!r}; `cdp source list` shows all")
