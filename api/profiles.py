"""Profiles over HTTP: found by any identifier, now or at any past moment, with the source of every field."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from api.point_in_time import PRESENT, InvalidMoment, PointInTime, point_in_time, read_moment
from api.profile_answers import found_groups, profile_answer, timeline_answer
from api.profile_difference import ProfileDifference, profile_difference
from api.profile_groups import GroupAt, ProfileReader
from api.profile_models import ProfileAnswer, TimelineAnswer
from api.security import Refused, platform_of, reading, refusals, require
from cdp.identity.normalise import InvalidIdentifier
from cdp.identity.profile_id import InvalidProfileId
from cdp.platform import Platform
from projections.timeline.queries import LATEST, Cursor, Filters, InvalidCursor, read_timeline

router = APIRouter(
    tags=["profiles"],
    dependencies=[Depends(require("profiles:read"))],
    responses=refusals(400, 401, 403, 404, 503),
)

Plat = Annotated[Platform, Depends(platform_of)]
AsOf = Annotated[str | None, Query(description="what was true at this moment; a time or a day, ISO 8601")]
KnownAt = Annotated[str | None, Query(description="as known at this position of the log, or at this time")]


def asked_for(platform: Plat, as_of: AsOf = None, known_at: KnownAt = None) -> PointInTime:
    """The point in time that a request is about."""
    return _point(platform, as_of, known_at)


Asked = Annotated[PointInTime, Depends(asked_for)]


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
    as_of: AsOf = None
    known_at: KnownAt = None

    def identifier(self) -> tuple[str, str]:
        """Type and value of the one identifier given. Raises `Refused`."""
        about = {"namespace", "as_of", "known_at"}
        given = {type_: value for type_, value in self.model_dump(exclude=about).items() if value}
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
    with _asking(platform, _point(platform, wanted.as_of, wanted.known_at)) as reader:
        try:
            found = found_groups(reader, type_, value, wanted.namespace)
        except InvalidIdentifier as error:
            raise Refused(400, "invalid_identifier", str(error)) from error
        if not found:
            message = f"nobody is known by this {type_}; new touchpoints take up to a second to be seen"
            raise Refused(404, "profile_not_found", message)
        return ProfilesAnswer(profiles=[profile_answer(reader, each) for each in found])


@router.get("/profiles/{profile_id}")
def show_profile(platform: Plat, profile_id: str, point: Asked) -> ProfileAnswer:
    """A profile with the source of every field. The id of a profile that was merged leads to the merged one."""
    with _asking(platform, point) as reader:
        return profile_answer(reader, _found(reader, profile_id))


@router.get("/profiles/{profile_id}/diff")
def compare_profile(
    platform: Plat,
    profile_id: str,
    from_as_of: AsOf = None,
    from_known_at: KnownAt = None,
    to_as_of: AsOf = None,
    to_known_at: KnownAt = None,
) -> ProfileDifference:
    """What changed of a profile between two points in time; a side of which nothing is said is the present."""
    before = _point(platform, from_as_of, from_known_at, "from_")
    after = _point(platform, to_as_of, to_known_at, "to_")
    with _asking(platform, before) as reader:
        later = ProfileReader(platform, reader.connection, after)
        with _known_id(profile_id):
            difference = profile_difference(reader, later, profile_id)
    if difference is None:
        raise _unknown(profile_id, PRESENT)
    return difference


@router.get("/profiles/{profile_id}/timeline")
def show_timeline(
    platform: Plat,
    profile_id: str,
    point: Asked,
    channel: Annotated[list[str], Query(description="any of these channels")] = [],  # noqa: B006 - FastAPI copies it
    source: Annotated[list[str], Query(description="any of these sources, by name or id")] = [],  # noqa: B006
    name: Annotated[list[str], Query(description="any of these canonical event names")] = [],  # noqa: B006
    since: Annotated[str | None, Query(description="what happened at this moment or later")] = None,
    until: Annotated[str | None, Query(description="what happened before this moment")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> TimelineAnswer:
    """The touchpoints of a profile, the latest first. Pages are stable: what is added meanwhile shifts nothing."""
    before, sources = _cursor(cursor), [_source(platform, each) for each in source]
    filters = Filters(channel, sources, name, _moment(platform, "since", since), _moment(platform, "until", until))
    with _asking(platform, point) as reader:
        found = _found(reader, profile_id)
        page = read_timeline(reader.connection, found.members, limit, before, filters)
        return timeline_answer(platform, found, page)


@contextlib.contextmanager
def _asking(platform: Platform, point: PointInTime) -> Iterator[ProfileReader]:
    with reading(platform) as connection:
        yield ProfileReader(platform, connection, point)


def _found(reader: ProfileReader, profile_id: str) -> GroupAt:
    with _known_id(profile_id):
        found = reader.profile(profile_id)
    if found is None:
        raise _unknown(profile_id, reader.point)
    return found


@contextlib.contextmanager
def _known_id(profile_id: str) -> Iterator[None]:
    try:
        yield
    except InvalidProfileId as error:
        raise Refused(404, "profile_not_found", str(error)) from error


def _unknown(profile_id: str, point: PointInTime) -> Refused:
    then = "" if point.present else " at that point in time"
    message = f"there is no profile {profile_id}{then}; find one by an identifier, such as /api/profiles?email="
    return Refused(404, "profile_not_found", message)


def _point(platform: Platform, as_of: str | None, known_at: str | None, side: str = "") -> PointInTime:
    with _refusing_moments():
        return point_in_time(platform, as_of, known_at, side)


def _moment(platform: Platform, name: str, text: str | None) -> datetime | None:
    with _refusing_moments():
        return None if text is None else read_moment(name, text, ZoneInfo(platform.settings.timezone))


@contextlib.contextmanager
def _refusing_moments() -> Iterator[None]:
    try:
        yield
    except InvalidMoment as error:
        raise Refused(400, "invalid_moment", str(error)) from error


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
