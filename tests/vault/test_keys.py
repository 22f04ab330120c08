"""Subject keys and period keys: what each covers, and what its destruction takes away."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest

from cdp.vault.head import Pool
from cdp.vault.keys import UnknownKey
from cdp.vault.periods import PeriodOf
from cdp.vault.sealing import SealBroken, seal, unseal
from cdp.vault.subjects import SubjectOf
from cdp.vault.vault import Vault, VaultBehind
from tests.vault.people import count, emails

SOURCE, OTHER = uuid4(), uuid4()
MONDAY, TUESDAY, MAY, JUNE = date(2024, 5, 6), date(2024, 5, 7), date(2024, 5, 1), date(2024, 6, 1)


def test_a_subject_is_the_set_of_its_numbers(vault: Vault, pool: Pool) -> None:
    a, b, c = sorted(vault.numbers(emails(3)).values())
    wanted = [SubjectOf(numbers, SOURCE, None) for numbers in ((a,), (b,), (a, b), (a, b, c))]
    subjects = vault.subjects(wanted)
    assert len({subject.number for subject in subjects.values()}) == 4
    assert len({subject.key for subject in subjects.values()}) == 4
    assert Vault(pool, vault.keyring).subjects(wanted) == subjects
    assert count(pool, "subject_member") == 1 + 1 + 2 + 3


def test_the_source_makes_no_difference_to_a_subject(vault: Vault) -> None:
    (number,) = vault.numbers(emails(1)).values()
    here, there = SubjectOf((number,), SOURCE, None), SubjectOf((number,), OTHER, None)
    subjects = vault.subjects([here, there])
    assert subjects[here] == subjects[there]


def test_a_key_per_day_belongs_to_one_subject(vault: Vault) -> None:
    (number,) = vault.numbers(emails(1)).values()
    days = [SubjectOf((number,), SOURCE, day) for day in (None, MONDAY, TUESDAY)]
    subjects = vault.subjects(days)
    assert len({subject.key_id for subject in subjects.values()}) == 3
    assert len({subject.number for subject in subjects.values()}) == 1


def test_without_an_identifier_the_key_is_the_sources_day(vault: Vault, pool: Pool) -> None:
    wanted = [SubjectOf((), source, day) for source in (SOURCE, OTHER) for day in (MONDAY, TUESDAY)]
    subjects = vault.subjects(wanted)
    assert {subject.number for subject in subjects.values()} == {None}
    assert len({subject.key for subject in subjects.values()}) == 4
    assert Vault(pool, vault.keyring).subjects(wanted) == subjects


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1)])
def test_numbers_out_of_order_are_refused(vault: Vault, numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sorted"):
        vault.subjects([SubjectOf(numbers, SOURCE, None)])


def test_neither_identifier_nor_day_is_refused(vault: Vault) -> None:
    with pytest.raises(ValueError, match="give the day"):
        vault.subjects([SubjectOf((), SOURCE, None)])


def test_a_period_is_one_source_class_and_month(vault: Vault, pool: Pool) -> None:
    wanted = [
        PeriodOf(source, name, month)
        for source in (SOURCE, OTHER)
        for name in ("contact", "raw")
        for month in (MAY, JUNE)
    ]
    some = vault.periods(wanted[:3])
    periods = vault.periods(wanted)
    assert periods.items() >= some.items()
    assert len({period.key for period in periods.values() if period}) == 8
    assert Vault(pool, vault.keyring).periods(wanted) == periods


def test_keys_come_back_by_their_ids(vault: Vault, pool: Pool) -> None:
    (subject,) = vault.subjects([SubjectOf((), SOURCE, MONDAY)]).values()
    (period,) = vault.periods([PeriodOf(SOURCE, "contact", MAY)]).values()
    assert period is not None
    for reader in (vault, Vault(pool, vault.keyring), vault):
        assert reader.subject_keys([subject.key_id]) == {subject.key_id: subject.key}
        assert reader.period_keys([period.id]) == {period.id: period.key}


def test_an_unknown_id_is_an_error_and_never_means_destroyed(vault: Vault) -> None:
    (subject,) = vault.subjects([SubjectOf((), SOURCE, MONDAY)]).values()
    with pytest.raises(UnknownKey, match=r"subject_key.*777"):
        vault.subject_keys([subject.key_id, 777])
    with pytest.raises(UnknownKey, match="period_key"):
        vault.period_keys([subject.key_id])
    with pytest.raises(UnknownKey):
        vault.destroy_subject_key(777)
    with pytest.raises(UnknownKey):
        vault.destroy_period_key(777)


def test_a_destroyed_subject_key_takes_exactly_its_blobs(vault: Vault) -> None:
    kept, gone = (vault.subjects([SubjectOf((), SOURCE, day)]).popitem()[1] for day in (MONDAY, TUESDAY))
    (period,) = vault.periods([PeriodOf(SOURCE, "contact", MAY)]).values()
    assert period is not None
    blobs = {one.key_id: seal(one.key, [period.key], "contact", b"text", b"event") for one in (kept, gone)}

    vault.destroy_subject_key(gone.key_id)
    vault.destroy_subject_key(gone.key_id)

    keys = vault.subject_keys(blobs)
    assert keys == {kept.key_id: kept.key, gone.key_id: None}
    assert unseal(kept.key, [period.key], "contact", blobs[kept.key_id], b"event") == b"text"
    with pytest.raises(SealBroken):
        unseal(kept.key, [period.key], "contact", blobs[gone.key_id], b"event")


def test_a_destroyed_period_key_takes_exactly_its_class(vault: Vault) -> None:
    (subject,) = vault.subjects([SubjectOf((), SOURCE, MONDAY)]).values()
    contact, content = (PeriodOf(SOURCE, name, MAY) for name in ("contact", "content"))
    periods = vault.periods([contact, content])
    kept, gone = periods[content], periods[contact]
    assert kept is not None and gone is not None
    blob = seal(subject.key, [kept.key], "content", b"text", b"event")

    vault.destroy_period_key(gone.id)

    keys = vault.period_keys([kept.id, gone.id])
    assert keys == {kept.id: kept.key, gone.id: None}
    assert unseal(subject.key, [kept.key], "content", blob, b"event") == b"text"


def test_a_destroyed_day_key_gets_a_successor(vault: Vault) -> None:
    wanted = SubjectOf((), SOURCE, MONDAY)
    first = vault.subjects([wanted])[wanted]
    vault.destroy_subject_key(first.key_id)
    second = vault.subjects([wanted])[wanted]
    assert second.key_id != first.key_id and second.key != first.key
    assert vault.subject_keys([first.key_id, second.key_id]) == {first.key_id: None, second.key_id: second.key}


def test_a_destroyed_period_key_is_never_minted_again(vault: Vault, pool: Pool) -> None:
    wanted = PeriodOf(SOURCE, "contact", MAY)
    period = vault.periods([wanted])[wanted]
    assert period is not None
    vault.destroy_period_key(period.id)
    for again in (vault, vault, Vault(pool, vault.keyring)):
        assert again.periods([wanted]) == {wanted: None}
    assert count(pool, "period_key") == 1


def test_other_processes_learn_of_a_destruction(vault: Vault, pool: Pool, key_file: Path) -> None:
    other = Vault.open(pool, key_file)
    (subject,) = vault.subjects([SubjectOf((), SOURCE, MONDAY)]).values()
    assert other.subject_keys([subject.key_id]) == {subject.key_id: subject.key}
    vault.destroy_subject_key(subject.key_id)
    assert other.subject_keys([subject.key_id]) == {subject.key_id: None}


def test_a_raised_generation_makes_a_writer_resolve_anew(vault: Vault, pool: Pool, key_file: Path) -> None:
    wanted = SubjectOf((), SOURCE, MONDAY)
    writer = Vault.open(pool, key_file)
    stale = writer.subjects([wanted])[wanted]
    resolved_under = writer.generation
    vault.destroy_subject_key(stale.key_id)
    generation = vault.raise_generation()
    assert generation > resolved_under == writer.generation
    writer.refresh(generation)
    assert writer.generation == generation
    assert writer.subjects([wanted])[wanted].key_id != stale.key_id


def test_a_vault_behind_the_log_is_refused(vault: Vault) -> None:
    with pytest.raises(VaultBehind, match="restored"):
        vault.refresh(vault.generation + 1)
