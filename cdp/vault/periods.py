"""Period keys: one for each source, field class and month, whose destruction carries out retention."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple
from uuid import UUID

from cdp.vault.head import CURRENT, Db, Head
from cdp.vault.keyring import KeyRing
from cdp.vault.wrapping import PERIOD_KEY, fresh_keys, fresh_numbers, unwrap, wrap


class PeriodOf(NamedTuple):
    """Which period's key is wanted; `month` is the first day of the month."""

    source: UUID
    field_class: str
    month: date


class Period(NamedTuple):
    """A period's key."""

    id: int
    key: bytes


_FIND = """
select source, class, month, id, master_version, case when not closing then wrapped end
from period_key
where source = any(%(sources)b)
    and month = any(%(months)b)
"""
_MINT = f"""
with {CURRENT}
insert into period_key (id, source, class, month, master_version, wrapped)
select id, source, class, month, %(master)s, wrapped
from head, unnest(
    %(ids)b::bigint[], %(sources)b::uuid[], %(classes)b::text[], %(months)b::date[], %(wrapped)b::bytea[]
) as wanted (id, source, class, month, wrapped)
order by source, month, class
on conflict do nothing
returning id
"""


def find(connection: Db, ring: KeyRing, _: Head, wanted: Collection[PeriodOf]) -> dict[PeriodOf, Period | None]:
    """The periods that have a key, or had one: None for those whose key was destroyed, or is about to be."""
    parameters = {
        "sources": list({one.source for one in wanted}),
        "months": list({one.month for one in wanted}),
    }
    found: dict[PeriodOf, Period | None] = {}
    for source, field_class, month, id, version, wrapped in connection.execute(_FIND, parameters, binary=True):
        period = PeriodOf(source, field_class, month)
        if period in wanted:
            found[period] = _opened(ring, id, version, wrapped)
    return found


def _opened(ring: KeyRing, id: int, version: int, wrapped: bytes | None) -> Period | None:
    return None if wrapped is None else Period(id, unwrap(ring.master(version), PERIOD_KEY, id, wrapped))


def mint(connection: Db, ring: KeyRing, head: Head, missing: Collection[PeriodOf]) -> dict[PeriodOf, Period | None]:
    """New keys for these periods; without those that another process minted first.

    Gives nothing at all if the head is no longer as the caller knows it.
    """
    ids, keys = fresh_numbers(len(missing)), fresh_keys(len(missing))
    master = ring.master(head.master)
    parameters = head._asdict() | {
        "ids": ids,
        "sources": [period.source for period in missing],
        "classes": [period.field_class for period in missing],
        "months": [period.month for period in missing],
        "wrapped": [wrap(master, PERIOD_KEY, id, key) for id, key in zip(ids, keys, strict=True)],
    }
    made = {id: (period, Period(id, key)) for period, id, key in zip(missing, ids, keys, strict=True)}
    return dict(made[id] for (id,) in connection.execute(_MINT, parameters, binary=True))
