"""Questions about all that identity has stored: too much to load, so it is counted, or passed through in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from projections.contract import Connected, Policy


class Concerned:
    """The subjects that a change may concern, in the order of their numbers."""

    def __init__(self, connection: Connected, query: str, parameters: Mapping[str, Any]) -> None:
        self._connection = connection
        self._query = query
        self._parameters = parameters

    def parts(self, size: int) -> Iterator[list[int]]:
        """So many subjects at a time."""
        last = -1
        while True:
            chosen = {**self._parameters, "after": last, "size": size}
            subjects = [subject for (subject,) in self._connection.execute(self._query, chosen)]
            if not subjects:
                return
            last = subjects[-1]
            yield subjects


class Survey:
    """Reads the tables of one version."""

    def __init__(self, connection: Connected, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def types(self) -> list[str]:
        """The types of all identifiers."""
        query = f"select distinct type from {self._schema}.identifiers order by type"
        return [kind for (kind,) in self._connection.execute(query)]

    def fan_outs(self) -> list[int]:
        """The identifiers past the fan-out cap."""
        query = f"select number from {self._schema}.identifiers where verdict = 'fan_out'"
        return [number for (number,) in self._connection.execute(query)]

    def concerned(
        self, *, everybody: bool, types: Collection[str], numbers: Collection[int], sources: Collection[UUID]
    ) -> Concerned:
        """The subjects that hold an identifier of these types or with these numbers, or that these sources showed."""
        query = f"""
            select distinct subject
            from {self._schema}.sightings
            where subject > %(after)s
                and (
                    %(everybody)s
                    or source = any(%(sources)s::uuid[])
                    or exists (
                        select
                        from unnest(numbers) as held
                        join {self._schema}.identifiers on number = held
                        where type = any(%(types)s::text[])
                            or number = any(%(numbers)s::bigint[])
                    )
                )
            order by subject
            limit %(size)s
        """
        chosen = {"types": list(types), "numbers": list(numbers), "sources": list(sources)}
        return Concerned(self._connection, query, {**chosen, "everybody": everybody})

    def past_fan_out(self, policy: Policy, blocked: Mapping[int, bool]) -> dict[int, tuple[bool, bool]]:
        """Of identifiers that were past the fan-out cap or blocked: whether a server showed them, and whether they are
        past the cap under this policy. `blocked` says of which identifiers it says something else than what is stored.
        """
        query = f"""
            with judged as (
                select number, type
                from {self._schema}.identifiers
                where verdict = 'fan_out'
                    or number = any(%(flipped)s::bigint[])
            ),
            held as (
                select
                    judged.number,
                    judged.type,
                    numbers,
                    not source = any(%(public)s::uuid[]) as server,
                    bool_or(not source = any(%(public)s::uuid[])) over (partition by judged.number) as by_servers
                from judged
                join {self._schema}.links using (number)
                join {self._schema}.sightings using (subject)
            )
            select held.number, held.type, by_servers, count(distinct identifiers.number)
            from held
            left join {self._schema}.identifiers
                on identifiers.number = any(held.numbers)
                and identifiers.number <> held.number
                and (held.server or not by_servers)
                and not identifiers.number = any(%(left_out)s::bigint[])
                and (not identifiers.blocked or identifiers.number = any(%(opened)s::bigint[]))
                and (identifiers.type = any(%(exclusive)s::text[]) or not held.type = any(%(exclusive)s::text[]))
                and not exists (
                    select
                    from unnest(%(ones)s::bigint[], %(others)s::bigint[]) as apart (one, other)
                    where one = held.number
                        and other = identifiers.number
                )
            group by held.number, held.type, by_servers
        """
        pairs = [each.numbers for each in policy.decisions if each.kind == "unlink"]
        apart = [*pairs, *((b, a) for a, b in pairs)]
        by_stewards = [each.numbers[0] for each in policy.decisions if each.kind == "block"]
        chosen = {
            "flipped": list(blocked),
            "opened": [number for number, is_blocked in blocked.items() if not is_blocked],
            "left_out": [*by_stewards, *(number for number, is_blocked in blocked.items() if is_blocked)],
            "public": list(policy.public),
            "exclusive": [kind for kind in self.types() if policy.rules.exclusive(kind)],
            "ones": [one for one, _ in apart],
            "others": [other for _, other in apart],
        }
        found = {}
        for number, kind, by_servers, count in self._connection.execute(query, chosen):
            cap = policy.rules.of(kind).fan_out
            found[number] = (by_servers, cap is not None and count > cap)
        return found
