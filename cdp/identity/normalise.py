"""The form in which identifiers are compared. Pure; the raw value is kept elsewhere, encrypted.

A change to what these functions return is a new `VERSION`: the vault keeps the version beside every number, so that
numbers of an older form are migrated, never silently split.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from cdp.identity.identifier import GLOBAL, Identifier

VERSION = 1
LONGEST = 512

_PLAIN = re.compile(
    r"(?=.{6,254}\Z)(?=[^@]{1,64}@)[a-z0-9_+%-]+(?:\.[a-z0-9_+%-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:com|net|org|tr|de|uk|fr|eu|info)\Z"
)
"""Addresses so plain that email-validator, which takes 30 times as long, would only say yes."""

_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_EXTENSION = re.compile(r"\s*(?:dahili|dah\.?|ext\.?|x)\s*:?\s*\d+\s*$", re.IGNORECASE)


class InvalidIdentifier(ValueError):
    """The value cannot identify anybody. Names the type and what was expected, never the value."""

    def __init__(self, identifier_type: str, expected: str) -> None:
        super().__init__(f"{identifier_type} is not usable: expected {expected}")
        self.type = identifier_type


@lru_cache(maxsize=131_072, typed=True)
def identifier(type_: str, value: object, namespace: str, region: str) -> Identifier:
    """Normalises a value that a source sent as an identifier of this type. The value must be hashable.

    `namespace` is the source's for this type; e-mail and phone are global whatever it says. `region` is the country
    (ISO 3166, two letters) of phone numbers written without one. Raises `InvalidIdentifier`.
    """
    if type_ == "email":
        return Identifier("email", GLOBAL, email(_text(type_, value)))
    if type_ == "phone":
        return Identifier("phone", GLOBAL, phone(_text(type_, value), region))
    return Identifier(type_, namespace, _text(type_, value))


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


def _text(type_: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidIdentifier(type_, "a text or a whole number")
    text = unicodedata.normalize("NFC", value).strip()
    if not text or len(text) > LONGEST:
        raise InvalidIdentifier(type_, f"1 to {LONGEST} characters")
    return text
