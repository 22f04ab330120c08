"""What is hashed and sealed for ever, against literal values: a change here orphans everything that is stored.

The values were computed once. Those of hashes and derivations were computed by the standard library's `hmac` and by
`cryptography`'s HKDF as well. They never change; a new way of hashing gets a name and vectors of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.application import Application

from cdp.identity.identifier import Identifier
from cdp.ingest.preparing import Origin, Preparer, Resolved
from cdp.ingest.reading import Reader, Reading
from cdp.ingest.split import Split
from cdp.log.events import NewEvent, PartedEvent, RecordedEvent
from cdp.log.header import decode_header, encode_header
from cdp.log.mapper import PartsMapper
from cdp.log.opening import Opener
from cdp.log.parts import unpack
from cdp.log.sealing import associated_data, decode_salted, unseal_blob
from cdp.log.touchpoint import Touchpoint, merge
from cdp.sources.connectors.segment import CONNECTOR
from cdp.sources.source import Source
from cdp.vault.identifiers import lookups
from cdp.vault.keyring import KeyRing, Purpose
from cdp.vault.periods import Period
from cdp.vault.sealing import derive
from cdp.vault.subjects import Subject, SubjectOf, slot_of
from cdp.vault.vault import Vault
from cdp.vault.wrapping import SUBJECT_KEY, unwrap

KEY_FILE = """
{
  "format": 1,
  "id": "38d204a2-4b5a-493a-a8fb-2e62d64fcb57",
  "created_at": "2026-01-01T00:00:00Z",
  "masters": {"1": {"key": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "created_at": "2026-01-01T00:00:00Z"}},
  "peppers": {"1": {"key": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=", "created_at": "2026-01-01T00:00:00Z"}},
  "purposes": {
    "message": "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=",
    "reference": "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=",
    "fingerprint": "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=",
    "suppression": "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=",
    "do_not_contact": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
  }
}
"""
SHOP_ID = UUID("8f2999c7-a99b-569a-983c-93ee7d1499f7")
SHOP_STREAM = UUID("3ed173f5-a60c-5e60-a01b-ba520a663775")
SHOP = Source(
    name="shop",
    channel="web",
    brand="Kahveci",
    trust="server",
    namespaces={"loyalty_card": "club"},
    credential_id="wk_1",
    key_digest="",
    actor="test",
)
RECEIVED = datetime(2026, 1, 31, 9, 0, 2, tzinfo=UTC)
RECORDED = datetime(2026, 1, 31, 9, 0, 3, 123456, tzinfo=UTC)
DELIVERY = UUID("01a2002d-e115-713e-af0d-8e35a16e76cf")
SUBJECT = Subject(5, 9007, b"\x11" * 32)
PERIODS = {
    "contact": Period(101, b"\x21" * 32),
    "content": Period(102, b"\x22" * 32),
    "technical": Period(103, b"\x23" * 32),
}
OWN_PERIOD = Period(104, b"\x24" * 32)

RAW = (
    b'{"type":"track","event":"Order Completed","messageId":"m-1","userId":" 42 ","timestamp":'
    b'"2026-01-31T12:00:00+03:00","sentAt":"2026-01-31T09:00:01Z","writeKey":"wk_1","context":'
    b'{"ip":"203.0.113.1","traits":{"email":"Ayse.Yilmaz+x@Gmail.com","phone":"0532 123 45 67"'
    b'},"externalIds":[{"id":"7001","type":"loyalty_card","collection":"users"},{"id":"x-9","t'
    b'ype":"tattoo","collection":"users"}]},"properties":{"order_id":" re\xcc\x81f-1 ","total":149.90'
    b',"revenue":1e2,"currency":"TRY","note":"kap\xc4\xb1ya","products":[{"sku":"K-1","quantity":2,"p'
    b'rice":74.95}]}}'
)

CANONICAL = (
    b'track\n{"context":{"externalIds":[{"collection":"users","id":"7001","type":"loyalty_card"'
    b'},{"collection":"users","id":"x-9","type":"tattoo"}],"ip":"203.0.113.1","locale":"tr-TR"'
    b',"traits":{"email":"Ayse.Yilmaz+x@Gmail.com","phone":"0532 123 45 67"}},"event":"Order C'
    b'ompleted","messageId":"m-1","properties":{"currency":"TRY","note":"kap\xc4\xb1ya","order_id":" '
    b're\xcc\x81f-1 ","products":[{"price":74.95,"quantity":2,"sku":"K-1"}],"revenue":1E+2,"total":14'
    b'9.90},"timestamp":"2026-01-31T12:00:00+03:00","type":"track","userId":" 42 "}'
)

MESSAGE = "ea789dfec225c24f22b137d44adcc79f"
EVENT_ID = "47d2a6ec3a89c4d229e0149967fba855"
FINGERPRINT = "63a5d2d929fbd78776bfb2d45f80cd98"
REFERENCES = {"order_id": "24e22ec1f8f6f14112562332235b7f75"}
LEAF = "7901b2594c00216295bc95112fde3af83448c10f12527db3ce427f054f93d124"
HEADER = (
    b'{"id":"47d2a6ec3a89c4d229e0149967fba855","source":"8f2999c7-a99b-569a-983c-93ee7d1499f7"'
    b',"connector":"segment","connector_version":1,"credential":"wk_1","delivery":"01a2002d-e1'
    b'15-713e-af0d-8e35a16e76cf","item":0,"message":"ea789dfec225c24f22b137d44adcc79f","type":'
    b'"track","name":"Order Completed","channel":"web","brand":"Kahveci","occurred_at":"2026-0'
    b'1-31T09:00:01Z","sent_at":"2026-01-31T09:00:01Z","received_at":"2026-01-31T09:00:02Z","i'
    b'dentifiers":[["self","user_id","shop",1001],["self","email","global",1002],["self","phon'
    b'e","global",1003],["self","loyalty_card","club",1004],["self","(unknown)","shop",1005]],'
    b'"subject":5,"keys":{"subject":9007,"period":{"contact":101,"content":102,"technical":103'
    b'}},"raw_digest":"0df68fe5082ea159d7a42b1c3e5fec62584c93ed84869c3384b3d2997e219e7d"}'
)

BUSINESS = bytes.fromhex(
    "c09d85c91b3cf7af7a0c8f9769c561967b2270726f70657274696573223a7b22746f74616c223a3134392e39302c22726576656e"
    "7565223a31452b322c2263757272656e6379223a22545259222c2270726f6475637473223a5b7b22736b75223a224b2d31222c22"
    "7175616e74697479223a322c227072696365223a37342e39357d5d7d2c227265666572656e636573223a7b226f726465725f6964"
    "223a223234653232656331663866366631343131323536323333323233356237663735227d7d"
)

PERSONAL = bytes.fromhex(
    "070000010a636f6e7461637416d400052a79bbb776887cf037f6d60ee662bf9e73be4dacfe2385decd9662f54232bc07fef6fe32"
    "afd1ae37ee686f1ea051962db345711558bd415ac44305fa139e2dfbd6f6358aff7c4a47679240198856d9afe4ecc6ee46895bf4"
    "5b18b413ba24bcc0b082e5d2b4c446bc3fd921fbc426b42c5c58342cc50f61905e4f0934639c2de4cde6e9bf3e445264fdf9b016"
    "0409fb3879f9c0c2f68de2debf4c90735d5144e80a917c9a7214b592b6308233190b2d491a07bcfd3d6c77f9214591504dc72064"
    "682a59417227c9ee7df9bfbe0e0f179eeff6bc0692882dfa488047a59ea21425c1278338da6aa2cdbc6c877d02f3f652ff943548"
    "35f8a9beabe6e0f8b310ab0ebdfdaa8e800c07000000f9636f6e74656e744142f32dde0dca22cd38e78f675a24ae1f890c6c7f1c"
    "554a5baa66854abecea6e9d23339d12ffb8886132ac0875a8c5fab33212922774e15066b14c42b674ae85f9412eac588ce8ecb47"
    "474c06b2dcdb721c087de4b197543caa29299fffa56e5b6a03590a389753ce14964e9824998924576278139fc159465b0af56dd9"
    "161be25379d55ad1e91381824a8ad9781eac0dd1eb0c29d7a91aeaf97e6e6128f9fb63c1270f3c662fe35f252b98c473027a43a4"
    "427cf9c4af91f00a868c03677ef8b396f04176c1a6cb7d1ccbe8fad31cbee15924e100a62c2dc1834a7d66ebf6bb114be3a45cdc"
    "e146f870d0fdcd3a15d3e4994c82710aa2a475090000005d746563686e6963616ccbb5d3f9212a201a8e5526e0dbe90144e487df"
    "8c702464e20de21777ad74b6a22fe0b7b9f658f38e9e709ccf2aff7b45c51bfa2f35d000f76b6a1841a6c5c5ab6a846ca2160da5"
    "8f2617cea57e4c0b097367cd089d4e36ec86a2b167da"
)

SOURCE_CREATED = (
    b'{"timestamp":{"_type_":"datetime_iso","_data_":"2026-11-21T23:38:06.250266+00:00"},"orig'
    b'inator_topic":"source.v1","name":"shop","channel":"web","brand":"Kahveci","trust":"serve'
    b'r","namespaces":{"loyalty_card":"club"},"credential_id":"wk_1","key_digest":"","keys":{"'
    b'subject":9007,"period":{"content":104}}}'
)

SOURCE_CREATED_PERSONAL = bytes.fromhex(
    "070000003c636f6e74656e74480a3c911ef8715796746aaf55c1d2d4d884500fa848e6477ca9ebb7cfdeaaa308e255299a957934"
    "10755359b416fbad99ac044adce4b394d036daad"
)

WRAPPED = bytes.fromhex(
    "aaf1d3ce77d87118f64ea6b1e5bbd1db804f9a23676f29f659534cea9a5734dc15885c5d6211ebff2186af3315b8190c37d0b112"
    "b38b01f1c68a5050"
)

LOOKUPS = {
    Identifier("user_id", "shop", "42"): "daeb7c890f7b0d92b4e2d80f9a2359b66817d939b1e9d953d7a68394ca647288",
    Identifier(
        "email", "global", "ayseyilmaz@gmail.com"
    ): "9a56ba1141a7a486a09f1e48078f41a53c419048350edabcd9473de7570a0f45",
    Identifier("phone", "global", "+905321234567"): "b7e537c82fe5bae6a19084161c0a4b7ac6ac7bb6cc4178dbbff46a7834003339",
    Identifier("loyalty_card", "club", "7001"): "87e42d1728058211b2f5719f191c44baf52eada8fc74d8d526dae71a4323e23d",
    Identifier("(unknown)", "shop", "tattoo:x-9"): "5ba108a15ba5b48b92aa49916d57a99a005f90585b84b0b1c44b3b99327518cb",
}
KEYED = {
    "message": "2bb256b5a15e797fa6cdd6d9a223a1fbfb21058082981dfc4349c56046dcc4e8",
    "reference": "2054d06098d793de08ddccf5280180c50e9ce3a1ae2cb3762fde88e67a299b4c",
    "fingerprint": "cbc90043b461024adbd6f21992a170d3f54c54314916ae7ac1102d8397e7c929",
    "suppression": "37159a1e0122731a77c99115809c5f4ceb4a0ee865f999f983fb5f6167b91e2a",
    "do_not_contact": "925ec3e733fdc1d1e3fcc70e293814c83f06189a246342049ab6b3447da9d5cd",
}


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """The ring of a key file as the first version wrote it."""
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_text(KEY_FILE)
    return KeyRing.load(path)


class KnownKeys:
    """A vault that holds the keys of the stored events and no others."""

    def subject_keys(self, ids: Iterable[int]) -> dict[int, bytes | None]:
        return {id: {SUBJECT.key_id: SUBJECT.key}[id] for id in ids}

    def period_keys(self, ids: Iterable[int]) -> dict[int, bytes | None]:
        known = {period.id: period.key for period in (*PERIODS.values(), OWN_PERIOD)}
        return {id: known[id] for id in ids}


VAULT = cast(Vault, KnownKeys())


def read(raw: bytes = RAW) -> Reading:
    split = Split([raw], {"context": {"locale": "tr-TR"}}, None)
    return Reader("TR", 100_000).read(raw, SHOP, CONNECTOR, RECEIVED, None, split)


def prepared(ring: KeyRing, reading: Reading) -> NewEvent:
    numbers = {each: 1001 + at for at, (_, each) in enumerate(reading.identifiers)}
    (event,) = Preparer(VAULT, ring).seal(
        [(Origin(DELIVERY, 0, "wk_1"), reading)], [Resolved(numbers, SUBJECT, PERIODS)]
    )
    return event


def opened() -> Touchpoint:
    event = RecordedEvent(7, SHOP_STREAM, 3, "touchpoint.v1", RECORDED, HEADER, BUSINESS, PERSONAL)
    return Opener(VAULT).open([event])[0]


def test_a_source_has_its_ids_by_its_name() -> None:
    assert (SHOP.id, SHOP.stream) == (SHOP_ID, SHOP_STREAM)


def test_the_content_that_is_fingerprinted() -> None:
    assert read().canonical == CANONICAL
    turned = json.loads(RAW, object_pairs_hook=lambda pairs: dict(reversed(pairs)), parse_float=Decimal)
    assert read(_encoded(turned | {"sentAt": None})).canonical == CANONICAL


def _encoded(item: Any) -> bytes:
    return json.dumps(item, default=lambda number: f"<{number}>").replace('"<', "").replace('>"', "").encode()


def test_an_event_is_known_by_these_hashes(ring: KeyRing) -> None:
    event = prepared(ring, read())
    header = decode_header(event.header)
    assert (event.message.hex(), header.message, header.id) == (MESSAGE, MESSAGE, EVENT_ID)
    assert event.fingerprint.hex() == FINGERPRINT
    assert event.business is not None
    assert decode_salted(event.business)["references"] == REFERENCES
    assert event.originator_id == SHOP_STREAM


def test_a_missing_message_id_follows_from_the_content(ring: KeyRing) -> None:
    event = prepared(ring, read(RAW.replace(b'"messageId":"m-1",', b"")))
    assert event.fingerprint.hex() == "56d324a860592728f15480ac36cf870a"
    assert event.message.hex() == "f56010aaa4a773909c664708571f0441"
    assert decode_header(event.header).id == "19bc8cf041e821df06d86e21e80c47e1"


def test_the_raw_digest_is_salted_with_what_the_personal_part_keeps(ring: KeyRing) -> None:
    event = prepared(ring, read())
    for header, personal in ((event.header, event.personal), (HEADER, PERSONAL)):
        keys = decode_header(header).keys
        periods = {name: period.key for name, period in PERIODS.items()}
        bound = associated_data(EVENT_ID, keys)
        for name, blob in unpack(personal).items():
            salt = unseal_blob(name, blob, bound, SUBJECT.key, periods)[:16]
            assert decode_header(header).raw_digest == sha256(salt + RAW).hexdigest()


def test_a_blob_is_bound_to_its_event_and_keys() -> None:
    bound = b"47d2a6ec3a89c4d229e0149967fba855|9007|contact=101,content=102,technical=103"
    assert associated_data(EVENT_ID, decode_header(HEADER).keys) == bound


def test_a_stored_touchpoint_opens() -> None:
    touchpoint = opened()
    assert encode_header(touchpoint.header) == HEADER
    assert touchpoint.withheld == frozenset()
    assert touchpoint.business["references"] == REFERENCES
    assert touchpoint.business["properties"]["total"] == Decimal("149.90")
    whole: Any = {name: value for name, value in touchpoint.business.items() if name != "references"}
    for part in touchpoint.personal.values():
        whole = merge(whole, part)
    sent = json.loads(RAW, parse_float=Decimal)
    assert whole == sent | {"context": sent["context"] | {"locale": "tr-TR"}}


def test_a_stored_touchpoint_has_its_place_in_the_tree() -> None:
    event = RecordedEvent(7, SHOP_STREAM, 3, "touchpoint.v1", RECORDED, HEADER, BUSINESS, PERSONAL)
    assert event.leaf().hex() == LEAF


def test_a_stored_event_of_an_aggregate_opens() -> None:
    mapper = PartsMapper(Application[UUID]().construct_transcoder(), VAULT)
    stored = PartedEvent(SHOP_ID, 1, "source.created.v1", SOURCE_CREATED, None, SOURCE_CREATED_PERSONAL)
    created = cast(Any, mapper.to_domain_event(stored))
    assert isinstance(created, Source.Created)
    assert (created.name, created.actor, created.namespaces) == ("shop", "test", {"loyalty_card": "club"})
    assert created.timestamp == datetime.fromisoformat("2026-11-21T23:38:06.250266+00:00")


def test_identifiers_are_found_by_these_look_ups(ring: KeyRing) -> None:
    assert [each for _, each in read().identifiers] == list(LOOKUPS)
    assert [found.hex() for found in lookups(ring, 1, LOOKUPS)] == list(LOOKUPS.values())


@pytest.mark.parametrize(
    ("wanted", "digest", "members"),
    [
        (
            SubjectOf((1001, 1002), SHOP_ID, None),
            "aa1b9c89fb0a661d67315589d39d85d6",
            "5470fb4504e97335dfa6613dec605279",
        ),
        (
            SubjectOf((1001,), SHOP_ID, date(2026, 1, 31)),
            "4ca40127dcb660489a59dcea0549d8bf",
            "90485e487513ae11890e6bdfc0ed534f",
        ),
        (SubjectOf((), SHOP_ID, date(2026, 1, 31)), "d923b0d19ff425bbd1d0ec855e7afe59", None),
    ],
)
def test_subjects_have_these_digests(wanted: SubjectOf, digest: str, members: str | None) -> None:
    slot = slot_of(wanted)
    assert (slot.digest.hex(), slot.members and slot.members.hex()) == (digest, members)


def test_keys_are_derived_and_wrapped_in_this_way(ring: KeyRing) -> None:
    contact, content = PERIODS["contact"].key, PERIODS["content"].key
    assert derive(SUBJECT.key, [contact], "contact").hex() == (
        "a269c29bf5fa999d77d1af12a0bb5be300e1207b61c3d73fcd169401578e87d5"
    )
    assert derive(SUBJECT.key, [contact, content], "raw").hex() == (
        "9ee2ae74ae48eeeb254375ebf1f2d3b4b36e9739cf329b4705e899a8ae281575"
    )
    assert unwrap(ring.master(1), SUBJECT_KEY, SUBJECT.key_id, WRAPPED) == SUBJECT.key
    assert unwrap(AESGCM(b"\x01" * 32), SUBJECT_KEY, SUBJECT.key_id, WRAPPED) == SUBJECT.key


@pytest.mark.parametrize("purpose", KEYED)
def test_keyed_hashes_are_framed_in_this_way(ring: KeyRing, purpose: Purpose) -> None:
    assert ring.keyed_hash(purpose, b"a", b"bc").hex() == KEYED[purpose]
    assert ring.keyed_hash(purpose, b"ab", b"c") != ring.keyed_hash(purpose, b"a", b"bc")


def test_a_ring_is_recognised_by_its_check(ring: KeyRing) -> None:
    assert ring.check.hex() == "25027b3d6c89d8beb29af662aea2d1c14f8bb9c42b4e2755125722b11d8b59f2"
