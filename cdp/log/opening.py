"""Opening recorded touchpoints: decode once, decrypt what can still be decrypted, say what cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdp.log.events import RecordedEvent
from cdp.log.header import decode_header
from cdp.log.parts import BUSINESS, unpack
from cdp.log.sealing import associated_data, decode_salted, unseal_blob
from cdp.log.touchpoint import RAW, TOPIC, Header, Touchpoint, Tree
from cdp.vault.vault import Vault


class Opener:
    """Turns recorded events into touchpoints, fetching the keys of a whole batch at once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among `events`, in order. A class whose key is destroyed, or whose part is redacted, is
        named in `withheld`; an unknown key raises the vault's `UnknownKey`."""
        headers = [(event, decode_header(event.header)) for event in events if event.topic == TOPIC]
        subjects = self._vault.subject_keys({header.keys.subject for _, header in headers})
        periods = self._vault.period_keys({key for _, header in headers for key in header.keys.period.values()})
        return [_touchpoint(event, header, subjects, periods) for event, header in headers]


def _touchpoint(
    event: RecordedEvent,
    header: Header,
    subjects: Mapping[int, bytes | None],
    periods: Mapping[int, bytes | None],
) -> Touchpoint:
    business: Tree = {}
    withheld = [flag.partition(":")[2] for flag in header.flags if flag.startswith("withheld:")]
    if event.business is not None:
        if BUSINESS in event.redacted:
            withheld.append(BUSINESS)
        else:
            business = decode_salted(event.business)
    personal: dict[str, Tree] = {}
    subject_key = subjects[header.keys.subject]
    period_keys = {name: key for name, number in header.keys.period.items() if (key := periods[number]) is not None}
    all_periods = len(period_keys) == len(header.keys.period)
    bound = associated_data(header.id, header.keys)
    for name, blob in unpack(event.personal).items():
        gone = name in event.redacted or (not all_periods if name == RAW else name not in period_keys)
        if subject_key is None or gone:
            withheld.append(name)
        elif name != RAW:
            personal[name] = decode_salted(unseal_blob(name, blob, bound, subject_key, period_keys))
    return Touchpoint(event.position, event.recorded_at, header, business, personal, frozenset(withheld))
