"""Opening recorded touchpoints: decode once, decrypt what can still be decrypted, say what cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from cdp.log.events import RecordedEvent
from cdp.log.header import decode_header, decode_sealed_under
from cdp.log.parts import BUSINESS, unpack
from cdp.log.sealing import associated_data, decode_salted, unseal_blob
from cdp.log.touchpoint import RAW, TOPIC, SealedUnder, Touchpoint, Tree
from cdp.vault.vault import Vault

TRAITS = b'"traits"'
"""How a part that has traits spells them, whatever else it has."""


class Unsealed(msgspec.Struct, frozen=True, array_like=True):
    """A touchpoint's parts in the clear, not decoded yet: the dear half is done, and it is cheap to hand over.

    `personal` has the classes that can be read; `withheld` names the others.
    """

    position: int
    recorded_at: datetime
    header: bytes
    business: bytes | None
    personal: dict[str, bytes]
    withheld: tuple[str, ...]


class Opened(Mapping[str, Tree]):
    """Personal parts by field class, each decoded when it is first asked for: few readers look at all of them."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Mapping[str, bytes]) -> None:
        self._parts: dict[str, bytes | Tree] = dict(parts)

    def __getitem__(self, name: str) -> Tree:
        part = self._parts[name]
        if isinstance(part, bytes):
            part = self._parts[name] = decode_salted(part)
        return part

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


class Opener:
    """Turns recorded events into touchpoints, fetching the keys of a whole batch at once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among `events`, in order. A class whose key is destroyed, or whose part is redacted, is
        named in `withheld`; an unknown key raises the vault's `UnknownKey`."""
        return decoded(self.unseal(events))

    def unseal(self, events: Sequence[RecordedEvent]) -> list[Unsealed]:
        """The first half of opening, for whoever has the other half done elsewhere by `decoded`."""
        touchpoints = [event for event in events if event.topic == TOPIC]
        under = [decode_sealed_under(event.header) for event in touchpoints]
        subjects = self._vault.subject_keys({each.keys.subject for each in under})
        periods = self._vault.period_keys({key for each in under for key in each.keys.period.values()})
        return [_unsealed(*each, subjects, periods) for each in zip(touchpoints, under, strict=True)]


def decoded(unsealed: Iterable[Unsealed]) -> list[Touchpoint]:
    """The touchpoints of what was unsealed. Raises msgspec's `DecodeError` for a header or business part."""
    return [
        Touchpoint(
            each.position,
            each.recorded_at,
            decode_header(each.header),
            {} if each.business is None else decode_salted(each.business),
            Opened(each.personal),
            frozenset(each.withheld),
            any(TRAITS in part for part in each.personal.values()),
        )
        for each in unsealed
    ]


def _unsealed(
    event: RecordedEvent,
    under: SealedUnder,
    subjects: Mapping[int, bytes | None],
    periods: Mapping[int, bytes | None],
) -> Unsealed:
    withheld = [flag.partition(":")[2] for flag in under.flags if flag.startswith("withheld:")]
    business = event.business
    if business is not None and BUSINESS in event.redacted:
        withheld.append(BUSINESS)
        business = None
    personal: dict[str, bytes] = {}
    keys = under.keys
    subject_key = subjects[keys.subject]
    period_keys = {name: key for name, number in keys.period.items() if (key := periods[number]) is not None}
    all_periods = len(period_keys) == len(keys.period)
    bound = associated_data(under.id, keys)
    for name, blob in unpack(event.personal).items():
        gone = name in event.redacted or (not all_periods if name == RAW else name not in period_keys)
        if subject_key is None or gone:
            withheld.append(name)
        elif name != RAW:
            personal[name] = unseal_blob(name, blob, bound, subject_key, period_keys)
    return Unsealed(event.position, event.recorded_at, event.header, business, personal, tuple(withheld))
