"""No identifier, trait or free text stands in the clear anywhere in the files of the log and the vault."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from cdp.postgres.programs import programs
from tests.acceptance.ledger import books, touchpoints
from tests.acceptance.served import Served, served

pytestmark = pytest.mark.slow

CONTROL = "c0ntr0l-in-the-clear"
"""Written in the clear on purpose: a search that does not find it proves nothing."""

FORBIDDEN = {
    "user id": "uid-Zq7f-marked",
    "anonymous id": "anon-Zq7f-marked",
    "previous id": "prev-Zq7f-marked",
    "group id": "group-Zq7f-marked",
    "loyalty card": "9876501234567891",
    "device id": "device-Zq7f-marked",
    "e-mail": "zq7f.marked@example.com",
    "phone": "+905321239876",
    "first name": "Zehrazq7f",
    "address": "Zq7f Sokak 17",
    "trait": "trait-Zq7f-marked",
    "free text": "ödeme Zq7f yapılamadı",
    "message id": "msg-Zq7f-marked",
    "order id": "order-Zq7f-marked",
    "event name": "Zq7f Event Marked",
    "user agent": "Agent-Zq7f-marked/9.9",
    "ip": "203.0.113.217",
    "url": "https://shop.example/?who=Zq7f-marked",
    "line note": "engraving Zq7f marked",
    "quarantined text": "quarantined-Zq7f-marked",
    "conflicting text": "conflicting-Zq7f-marked",
    "broken body": "broken-Zq7f-marked",
    "actor": "actor-zq7f-marked",
}


def good_calls() -> list[dict[str, Any]]:
    """Touchpoints with something personal in every place that the specification has."""
    said = FORBIDDEN
    context = {
        "ip": said["ip"],
        "userAgent": said["user agent"],
        "page": {"url": said["url"]},
        "device": {"id": said["device id"]},
        "externalIds": [{"type": "loyalty_card", "id": said["loyalty card"]}],
        "traits": {"email": said["e-mail"], "phone": said["phone"]},
    }
    who = {"userId": said["user id"], "anonymousId": said["anonymous id"], "context": context}
    traits = {"firstName": said["first name"], "address": {"street": said["address"]}, "hobby": said["trait"]}
    line = {"product_id": "sku-1", "price": "12.50", "note": said["line note"]}
    order = {"order_id": said["order id"], "total": "12.50", "products": [line], "comment": said["free text"]}
    return [
        {"type": "identify", **who, "traits": {**traits, "email": said["e-mail"]}, "messageId": said["message id"]},
        {"type": "track", **who, "event": "Order Completed", "properties": {**order, "url": said["url"]}},
        {"type": "track", **who, "event": said["event name"], "properties": {"text": said["free text"]}},
        {"type": "page", **who, "name": said["free text"], "properties": {"url": said["url"], "q": said["trait"]}},
        {"type": "screen", **who, "name": said["free text"], "properties": {"referrer": said["url"]}},
        {"type": "group", **who, "groupId": said["group id"], "traits": {"plan": said["trait"]}},
        {"type": "alias", "previousId": said["previous id"], "userId": said["user id"]},
    ]


def bad_calls() -> list[dict[str, Any]]:
    """What goes to quarantine: without an identifier, and with the id of another touchpoint."""
    said = FORBIDDEN
    conflict = {"type": "identify", "userId": said["user id"], "traits": {"hobby": said["conflicting text"]}}
    return [
        {"type": "track", "event": "Order Completed", "properties": {"comment": said["quarantined text"]}},
        {**conflict, "messageId": said["message id"]},
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A server without a projector, through which everything forbidden has gone, and its data folder at rest."""
    with served("api") as server:
        deliver(server)
        administer(server)
        with psycopg.connect(server.database.url("cdp_log"), autocommit=True) as connection:
            connection.execute(
                "create table control as select %s::text as written from generate_series(1, 3)", [CONTROL]
            )
        for name in ("cdp_log", "cdp_vault"):
            with psycopg.connect(server.database.url(name), autocommit=True) as connection:
                connection.execute("analyze")
                connection.execute("checkpoint")
        yield server


def deliver(server: Served) -> None:
    with httpx.Client(base_url=server.url, auth=(server.add_source("shop"), ""), timeout=20) as client:
        for batch in (good_calls(), good_calls()[:1], bad_calls()):
            assert client.post("/v1/batch", json={"batch": batch}).status_code == 200
        assert client.post("/v1/batch", content=f'{{"batch": [{FORBIDDEN["broken body"]}'.encode()).status_code == 400
        assert client.post("/v1/track", json=bad_calls()[0]).status_code == 400


def administer(server: Served) -> None:
    """Aggregates' events that say who did it."""
    with server.platform() as platform:
        actor = FORBIDDEN["actor"]
        platform.sources.add("till", channel="store", actor=actor)
        platform.sources.rotate_key("till", actor=actor)
        platform.sources.disable("till", actor=actor)
        platform.tokens.create("reader", scopes=["status:read"], actor=actor)
        platform.tokens.revoke("reader", actor=actor)


def forms(text: str) -> set[bytes]:
    """A text in the forms in which it may stand somewhere."""
    found = {text.encode(), json.dumps(text)[1:-1].encode()}
    for plain in tuple(found):
        found |= {plain.hex().encode(), *encoded(plain, base64.b64encode)}
        found |= encoded(plain, base64.urlsafe_b64encode)
    return {form.lower() for form in found}


def encoded(plain: bytes, encode: Any) -> set[bytes]:
    """The base64 of a text at each of the three places where it may begin, without what its neighbours decide."""
    found = set()
    for before in range(3):
        whole = encode(b"\0" * before + plain)
        found.add(whole[-(-before * 4 // 3) :].rstrip(b"=")[:-1])
    return found


SOUGHT = {what: forms(text) for what, text in FORBIDDEN.items()} | {"control": forms(CONTROL)}


def found_in(places: Iterable[tuple[str, bytes]]) -> Mapping[str, set[str]]:
    """What of all that is sought stands where, whatever its case."""
    found: dict[str, set[str]] = {}
    for place, content in places:
        content = content.lower()
        for what, sought in SOUGHT.items():
            if any(form in content for form in sought):
                found.setdefault(what, set()).add(place)
    return found


def rows(server: Served) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of both databases, as text and as the bytes of its columns."""
    for database in ("cdp_log", "cdp_vault"):
        with psycopg.connect(server.database.url(database)) as connection:
            tables = connection.execute("select schemaname, tablename from pg_tables").fetchall()
            for schema, table in tables:
                query = sql.SQL("select * from {}").format(sql.Identifier(schema, table))
                text = connection.execute(sql.SQL("select t::text from ({}) as t").format(query)).fetchall()
                yield f"{database}.{table}", "\n".join(row for (row,) in text).encode()
                for row in connection.execute(query):
                    yield f"{database}.{table}", b"\0".join(each for each in row if isinstance(each, bytes))


def dumps(server: Served) -> Iterator[tuple[str, bytes]]:
    """Both databases as pg_dump writes them."""
    for database in ("cdp_log", "cdp_vault"):
        command = [str(programs() / "pg_dump"), "--dbname", server.database.url(database)]
        yield database, subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files below a folder."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(folder)), path.read_bytes().rstrip(b"\0")


def test_everything_was_stored(server: Served) -> None:
    with server.platform() as platform:
        counts = books(platform, "shop")
        assert (counts.accepted, counts.duplicate, counts.quarantined) == (len(good_calls()), 1, 4)
        opened = [each.section() for each in touchpoints(platform)]
        traits = [each.traits for each in touchpoints(platform)]
    assert FORBIDDEN["event name"] in [each.get("event") for each in opened]
    assert FORBIDDEN["first name"] in [each.get("firstName") for each in traits]


def test_no_row_shows_any_of_it(server: Served) -> None:
    assert found_in(rows(server)) == {"control": {"cdp_log.control", "cdp_log.pg_statistic"}}


def test_no_dump_shows_any_of_it(server: Served) -> None:
    assert found_in(dumps(server)) == {"control": {"cdp_log"}}


def test_no_file_shows_any_of_it(server: Served) -> None:
    found = found_in(files(server.home.parent))
    assert set(found) == {"control"}
    assert {Path(place).parts[2] for place in found["control"]} == {"base", "pg_wal"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_each_would_be_found(what: str) -> None:
    """The search itself: a text is found in the clear, as JSON, in hexadecimal and in base64, wherever it begins."""
    text = FORBIDDEN[what]
    for plain in (text.encode(), b"x" + text.encode(), b"xy" + text.encode()):
        for written in (plain, plain.hex().encode(), base64.b64encode(plain + b"rest"), json.dumps(text).encode()):
            assert what in found_in([("somewhere", b"before " + written + b" after")])
