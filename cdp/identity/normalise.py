"""The form in which identifiers are compared. Pure; the raw value is kept elsewhere, encrypted.

A change to what these functions return is a new `VERSION`: the vault keeps the version beside every number, so that
numbers of an older form are migrated, never silently split.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from cdp.identity.identifier import GLOBAL, KNOWN, UNKNOWN, Identifier

VERSION = 1
LONGEST = 512
LONGEST_REMEMBERED = 128
LONGEST_PHONE = 64

_PLAIN = re.compile(
    r"(?=.{6,254}\Z)(?=[^@]{1,64}@)[a-z0-9_+%-]+(?:\.[a-z0-9_+%-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:com|net|org|tr|de|uk|fr|eu|info)\Z"
)
"""Addresses so plain that email-validator, which takes 30 times as long, would only say yes."""

_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_EXTENSION = re.compile(r"(?:dahili|dah\.?|ext\.?|x)\s*:?\s*\d+\s*$", re.IGNORECASE)


class InvalidIdentifier(ValueError):
    """The value cannot identify anybody. Names the type and what was expected, never the value."""

    def __init__(self, identifier_type: str, expected: str) -> None:
        super().__init__(f"{identifier_type} is not usable: expected {expected}")
        self.type = identifier_type


def identifier(type_: str, value: object, namespace: str, region: str) -> Identifier:
    """Normalises a value that a source sent as an identifier of this type.

    `namespace` is the source's for this type; e-mail and phone are global whatever it says. `region` is the country
    (ISO 3166, two letters) of phone numbers written without one. Raises `InvalidIdentifier`.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LONGEST_REMEMBERED:
        value = str(value)
    if not isinstance(value, str):
        raise InvalidIdentifier(type_, "a text or a whole number")
    if len(value) > LONGEST:
        raise InvalidIdentifier(type_, f"1 to {LONGEST} characters")
    if len(value) > LONGEST_REMEMBERED:
        return _normalised(type_, value, namespace, region)
    return _remembered(type_, value, namespace, region)


def named(type_: str, value: object, declared: Container[str]) -> tuple[str, object]:
    """The type and value under which an identifier is kept: a type that neither is known nor declared by its source
    may be anybody's words, so it goes into the value."""
    if type_ in KNOWN or type_ in declared:
        return type_, value
    return UNKNOWN, f"{type_}:{value}"


def forget() -> None:
    """Drops remembered identifiers from memory."""
    _remembered.cache_clear()


def _normalised(type_: str, value: str, namespace: str, region: str) -> Identifier:
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        raise InvalidIdentifier(type_, f"1 to {LONGEST} characters")
    if type_ == "email":
        return Identifier("email", GLOBAL, email(text))
    if type_ == "phone":
        return Identifier("phone", GLOBAL, phone(text, region))
    return Identifier(type_, namespace, text)


_remembered = lru_cache(maxsize=65_536)(_normalised)


def email(value: str) -> str:
    """Match key of an address: lower case, domain in IDNA form; Gmail's dots and +tags dropped.

    The local part is compared without case: no large provider tells addresses apart by it.
    """
    folded = value.lower()
    if _PLAIN.match(folded) and "--" not in folded:
        local, _, domain = folded.partition("@")
    else:
        local, domain = _validated(value)
    if domain in _GMAIL:
        local, domain = local.partition("+")[0].replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def _validated(value: str) -> tuple[str, str]:
    try:
        parsed = validate_email(value, check_deliverability=False)
    except EmailNotValidError:
        raise InvalidIdentifier("email", "an address such as name@example.com") from None
    return parsed.local_part.lower(), (parsed.ascii_domain or parsed.domain).lower()


def phone(value: str, region: str) -> str:
    """E.164 of a valid number; a Turkish extension ("dahili 12") is dropped first."""
    if len(value) > LONGEST_PHONE:
        raise InvalidIdentifier("phone", f"at most {LONGEST_PHONE} characters")
    try:
        parsed = phonenumbers.parse(_EXTENSION.sub("", value), region)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        raise InvalidIdentifier("phone", "a valid number such as +90 5xx xxx xx xx")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def name_key(value: str) -> str:
    """Key under which Turkish names match however they are typed: İ, I and ı become i, marks are dropped."""
    folded = value.replace("İ", "i").replace("I", "i").replace("ı", "i").lower()
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
