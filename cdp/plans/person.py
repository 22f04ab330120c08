"""Which properties say who somebody is, by their names. No tracking plan can put them into the clear."""

from __future__ import annotations

import re
from itertools import pairwise

from cdp.ingest.catalogue import EVENTS, LINE
from cdp.ingest.partition import CONTACT_CONTEXT, CONTACT_FIELDS, CONTACT_TRAITS, TECHNICAL_PROPERTIES

_WORDS = frozenset(
    {
        *(
            "email",
            "mail",
            "mails",
            "eposta",
            "posta",
            "phone",
            "telephone",
            "telefon",
            "mobile",
            "gsm",
            "msisdn",
            "cep",
        ),
        *("address", "adres", "adresi", "street", "sokak", "postcode", "zip", "postal", "city", "sehir", "ilce"),
        *("latitude", "longitude", "lat", "lng", "lon", "geo", "location"),
        *("firstname", "lastname", "fullname", "middlename", "username", "surname", "nickname", "isim", "ad", "adi"),
        *("soyad", "soyadi", "soyisim", "adsoyad", "kullanici"),
        *("birthday", "birthdate", "birth", "dob", "dogum", "age", "yas", "gender", "sex", "cinsiyet"),
        *("ssn", "tckn", "tckimlik", "kimlik", "passport", "pasaport", "iban", "pan", "cvv", "national"),
        *("ip", "url", "uri", "referrer", "referer", "useragent", "password", "sifre", "token", "cookie", "avatar"),
        *("userid", "customerid", "anonymousid", "deviceid", "idfa", "gaid", "idfv", "user", "customer", "musteri"),
        *("signature", "photo", "website"),
    }
)
_FIELDS = frozenset(
    re.sub(r"[^a-z0-9]", "", name.lower())
    for name in (CONTACT_FIELDS | CONTACT_TRAITS | CONTACT_CONTEXT | TECHNICAL_PROPERTIES)
)
_PEOPLE = frozenset(
    {
        *("first", "last", "middle", "full", "given", "family", "sur", "nick", "maiden", "display", "screen", "real"),
        *("user", "customer", "client", "contact", "member", "guest", "patient", "passenger", "person", "profile"),
        *("sender", "recipient", "receiver", "author", "owner", "holder", "cardholder", "employee", "agent"),
        *("billing", "shipping", "delivery", "account", "login", "driver", "doctor", "parent", "child", "friend"),
    }
)
_CARDS = frozenset({"card", "kart"})
_PARTS = re.compile(r"[A-ZÇĞİÖŞÜ]?[a-zçğıöşü]+|[A-ZÇĞİÖŞÜ]+(?![a-zçğıöşü])|\d+")
_PLAIN = str.maketrans("çğıöşüÇĞİÖŞÜ", "cgiosucgiosu")


def name_words(name: str) -> list[str]:
    """The words of a property's name in small letters of ASCII: `musteriAdi` is musteri, adi."""
    return [word.translate(_PLAIN).lower() for word in _PARTS.findall(name)]


def names_a_person(name: str) -> str | None:
    """Why a property of this name may say who somebody is; None where nothing suggests it."""
    words = name_words(name)
    joined = "".join(words)
    pairs = {a + b for a, b in pairwise(words)}
    if joined in _FIELDS:
        return f"{name!r} is a field of a person"
    found = (_WORDS & {*words, *pairs}) or ({"name"} if "name" in words and _PEOPLE & set(words) else set())
    if _CARDS & set(words) and {"number", "no", "id", "numara", "numarasi"} & set(words):
        found = {"card"}
    return f"{name!r} tells of a person by its word {min(found)!r}" if found else None


def would_expose(event: str, name: str, line: bool) -> bool:
    """Whether this property in the clear may say who somebody is. What the catalogue itself declares may not."""
    declared = LINE if line else EVENTS.get(event, {})
    return name not in declared and names_a_person(name) is not None
