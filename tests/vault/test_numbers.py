"""Identifiers and their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdp.identity.identifier import Identifier
from cdp.vault.head import Pool
from cdp.vault.identifiers import UnknownNumber
from cdp.vault.keyring import KeyRing
from cdp.vault.vault import Vault
from cdp.vault.wrapping import WrappedKeyDamaged
from tests.vault.people import count, emails


def test_an_identifier_keeps_its_number(vault: Vault, pool: Pool) -> None:
    first = vault.numbers(emails(3_000))
    assert len(set(first.values())) == 3_000
    assert all(0 < number < 2**63 for number in first.values())
    assert vault.numbers(emails(3_000)) == first
    assert Vault(pool, vault.keyring).numbers(emails(4_000)).items() >= first.items()
    assert count(pool, "identifier") == 4_000


def test_numbers_do_not_follow_the_order_of_arrival(vault: Vault) -> None:
    numbers = list(vault.numbers(emails(200)).values())
    assert numbers != sorted(numbers)


def test_type_namespace_and_value_all_tell_identifiers_apart(vault: Vault) -> None:
    alike = [Identifier(*parts) for parts in (("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("ab", "cd", ""))]
    assert len(set(vault.numbers(alike).values())) == len(alike)


def test_values_come_back_in_any_script(vault: Vault) -> None:
    identifiers = [Identifier("user_id", "mağaza", value) for value in ("Işıl", "顧客42", "", "x" * 5_000, "a\x00b")]
    numbers = vault.numbers(identifiers)
    assert vault.values(numbers.values()) == {number: identifier for identifier, number in numbers.items()}


def test_find_never_mints(vault: Vault, pool: Pool) -> None:
    (known,) = emails(1)
    assert vault.find(known) is None
    assert count(pool, "identifier") == 0
    assert vault.numbers([known])[known] == vault.find(known)


def test_nothing_wanted_is_nothing_given(vault: Vault) -> None:
    assert vault.numbers([]) == {}
    assert vault.values([]) == {}
    assert vault.subjects([]) == {}
    assert vault.periods([]) == {}
    assert vault.subject_keys([]) == {}


def test_an_unknown_number_is_an_error(vault: Vault) -> None:
    (number,) = vault.numbers(emails(1)).values()
    with pytest.raises(UnknownNumber, match="12345"):
        vault.values([number, 12345])
    with pytest.raises(UnknownNumber):
        vault.destroy_number(12345)


def test_a_destroyed_number_stays_as_a_tombstone_and_its_value_gets_another(vault: Vault, pool: Pool) -> None:
    kept, gone = emails(2)
    before = vault.numbers([kept, gone])
    vault.destroy_number(before[gone])
    vault.destroy_number(before[gone])
    assert vault.values(before.values()) == {before[kept]: kept, before[gone]: None}
    assert vault.find(gone) is None
    after = vault.numbers([kept, gone])
    assert after[kept] == before[kept]
    assert after[gone] != before[gone]
    assert count(pool, "identifier where lookup is null and wrapped is null and sealed is null") == 1


def test_a_row_of_one_number_is_no_use_under_another(vault: Vault, pool: Pool) -> None:
    numbers = list(vault.numbers(emails(2)).values())
    with pool.connection() as connection:
        connection.execute(
            """
            update identifier
            set wrapped = other.wrapped, sealed = other.sealed
            from identifier as other
            where identifier.number = %s and other.number = %s
            """,
            numbers,
        )
    with pytest.raises(WrappedKeyDamaged, match=str(numbers[0])):
        vault.values(numbers)


def test_the_rows_say_nothing(vault: Vault, pool: Pool, key_file: Path) -> None:
    value = "very.recognisable@example.com"
    (number,) = vault.numbers([Identifier("email", "global", value)]).values()
    dump = b"".join(
        dumped(pool, table)
        for table in ("vault_head", "identifier", "subject", "subject_member", "subject_key", "period_key")
    )
    assert str(number).encode() in dump
    ring = KeyRing.load(key_file).contents
    secrets = [ring.masters[1].key, ring.peppers[1].key, *ring.purposes.values()]
    for secret in [value.encode(), *secrets]:
        assert secret not in dump
        assert secret.hex().encode() not in dump


def dumped(pool: Pool, table: str) -> bytes:
    """The table's rows as a dump writes them."""
    with pool.connection() as connection, connection.cursor().copy(f"copy {table} to stdout") as rows:
        return b"".join(bytes(row) for row in rows)
