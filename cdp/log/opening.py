"""Opening recorded touchpoints: decode once, decrypt what can still be decrypted, say what cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from cdp.log.events import RecordedEvent
from cdp.log.header import decode_header
from cdp.log.parts import BUSINESS, unpack
from cdp.log.sealing import associated_data, decode_salted, unseal_blob
from cdp.log.touchpoint import RAW, TOPIC, Header, Touchpoint
from cdp.vault.vault import Vault


class Unsealed(NamedTuple):
    """A touchpoint's parts in the clear, not decoded yet: the dear half is done, and it is cheap to hand over.

    `personal` has the classes that can be read; `withheld` names the others.
    """

    position: int
    recorded_at: datetime
    header: bytes
    business: bytes | None
    personal: tuple[tuple[str, bytes], ...]
    withheld: tuple[str, ...]


class Opener:
    """Turns recorded events into touchpoints, fetching the keys of a whole batch at once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among `events`, in order. A class whose key is destroyed, or whose part is redacted, is
        named in `withheld`; an unknown key raises the vault's `UnknownKey`."""
        headers, unsealed = self._unsealed(events)
        return [_touchpoint(header, each) for header, each in zip(headers, unsealed, strict=True)]

    def unseal(self, events: Sequence[RecordedEvent]) -> list[Unsealed]:
        """The first half of opening, for whoever has the other half done elsewhere by `decoded`."""
        return self._unsealed(events)[1]

    def _unsealed(self, events: Sequence[RecordedEvent]) -> tuple[list[Header], list[Unsealed]]:
        touchpoints = [event for event in events if event.topic == TOPIC]
        headers = [decode_header(event.header) for event in touchpoints]
        subjects = self._vault.subject_keys({header.keys.subject for header in headers})
        periods = self._vault.period_keys({key for header in headers for key in header.keys.period.values()})
        return headers, [_unsealed(*each, subjects, periods) for each in zip(touchpoints, headers, strict=True)]


def decoded(unsealed: Iterable[Unsealed]) -> list[Touchpoint]:
    """The touchpoints of what was unsealed."""
    return [_touchpoint(decode_header(each.header), each) for each in unsealed]


def _unsealed(
    event: RecordedEvent,
    header: Header,
    subjects: Mapping[int, bytes | None],
    periods: Mapping[int, bytes | None],
) -> Unsealed:
    withheld = [flag.partition(":")[2] for flag in header.flags if flag.startswith("withheld:")]
    business = event.business
    if business is not None and BUSINESS in event.redacted:
        withheld.append(BUSINESS)
        business = None
    personal: list[tuple[str, bytes]] = []
    subject_key = subjects[header.keys.subject]
    period_keys = {name: key for name, number in header.keys.period.items() if (key := periods[number]) is not None}
    all_periods = len(period_keys) == len(header.keys.period)
    bound = associated_data(header.id, header.keys)
    for name, blob in unpack(event.personal).items():
        gone = name in event.redacted or (not all_periods if name == RAW else name not in period_keys)
        if subject_key is None or gone:
            withheld.append(name)
        elif name != RAW:
            personal.append((name, unseal_blob(name, blob, bound, subject_key, period_keys)))
    return Unsealed(event.position, event.recorded_at, event.header, business, tuple(personal), tuple(withheld))


def _touchpoint(header: Header, unsealed: Unsealed) -> Touchpoint:
    business = {} if unsealed.business is None else decode_salted(unsealed.business)
    personal = {name: decode_salted(part) for name, part in unsealed.personal}
    return Touchpoint(unsealed.position, unsealed.recorded_at, header, business, personal, frozenset(unsealed.withheld))
