"""What survives of claims: examples, and the property that delivery makes no difference, against a naive oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cdp.source_id import source_id
from cdp.survivorship import choice
from cdp.survivorship.choice import Candidate, Choice, Said, choose
from cdp.survivorship.rules import KINDS, NAMING_SOURCES, Rule
from tests.survivorship import oracle
from tests.survivorship.oracle import Terms

START = datetime(2024, 3, 1, tzinfo=UTC)
SOURCES = ("crm", "shop", "till")
VALUES = ('"Izmir"', '"Ankara"', "35", "35.0", '""', "null", "[]", '["a"]', '["b", "a"]', '["b", ""]', "true", "1")

events = st.lists(
    st.tuples(st.sampled_from(VALUES), st.sampled_from(SOURCES), st.integers(0, 4)), min_size=1, max_size=9
)
claims = events.map(
    lambda drawn: [
        oracle.Said(value, source, START + timedelta(days=day), f"e{number}")
        for number, (value, source, day) in enumerate(drawn)
    ]
)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Any rule."""
    kind = draw(st.sampled_from(KINDS))
    named = st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2, unique=True).map(tuple)
    return Terms(
        kind,
        draw(named) if kind in NAMING_SOURCES else (),
        draw(st.booleans()),
        draw(st.sampled_from([None, timedelta(days=2), timedelta(days=3)])),
        draw(st.booleans()),
    )


moments = st.integers(0, 8).map(lambda day: START + timedelta(days=day))


def rule_of(given: Terms) -> Rule:
    """The product's rule."""
    return Rule(given.kind, given.sources, given.ignore_empty, given.ttl, given.multi_valued)


def candidate_of(said: oracle.Said) -> Candidate:
    """The product's claim."""
    return Candidate.single(said.value, source_id(said.source), Said(said.at, said.event, int(said.event[1:]) + 1))


def outcome(found: Choice) -> oracle.Survivor | None:
    """What the product says, as the oracle says it."""
    names = {source_id(name): name for name in SOURCES}
    if found.winner is None:
        return None
    values = tuple((each.value, names[each.source], each.said.event_id) for each in found.items)
    winner = found.winner
    return oracle.Survivor(winner.value, names[winner.source], winner.said.event_id, values)


def agrees_with_the_oracle(said: list[oracle.Said], given: Terms, now: datetime) -> None:
    found = choose(map(candidate_of, said), rule_of(given), now)
    assert outcome(found) == oracle.survivor(said, given, now)


def does_not_depend_on_delivery(said: list[oracle.Said], given: Terms, now: datetime, random: Random) -> None:
    delivered = said + random.choices(said, k=random.randrange(4))
    random.shuffle(delivered)
    rule = rule_of(given)
    assert choose(map(candidate_of, delivered), rule, now) == choose(map(candidate_of, said), rule, now)


def does_not_depend_on_adding_up(said: list[oracle.Said], given: Terms, now: datetime) -> None:
    """Claims that are added up, as the database does it, count as what they were added up from."""
    single, rule = list(map(candidate_of, said)), rule_of(given)
    added: dict[object, list[Candidate]] = {}
    for each in single:
        expired = rule.ttl is not None and each.last.effective_at + rule.ttl <= now
        added.setdefault((each.value, each.source, expired), []).append(each)
    together = [
        Candidate(value, source, min(each.first for each in some), max(each.last for each in some), len(some))
        for some in added.values()
        for value, source in [some[0][:2]]
    ]
    assert choose(together, rule, now) == choose(single, rule, now)


def nothing_is_lost_sight_of(said: list[oracle.Said], given: Terms, now: datetime) -> None:
    """Of a single value every claim either says what won, of that source, or is among the losing with a reason."""
    rule = rule_of(given)
    found = choose(map(candidate_of, said), rule, now)
    lost = {(each.candidate.value, each.candidate.source, each.reason == choice.EXPIRED): each for each in found.lost}
    for claim in said if not given.multi_valued else ():
        expired = given.ttl is not None and claim.at + given.ttl <= now
        won = found.winner is not None and not expired
        same = won and (claim.value, source_id(claim.source)) == (found.winner.value, found.winner.source)  # type: ignore[union-attr]
        assert same != ((claim.value, source_id(claim.source), expired) in lost)
    assert all(each.reason in choice.REASONS for each in found.lost)


many = settings(max_examples=300, deadline=None)
anybody = st.randoms(use_true_random=False)


@many
@given(claims, terms(), moments)
def test_what_survives_is_what_the_oracle_says(said: list[oracle.Said], given: Terms, now: datetime) -> None:
    agrees_with_the_oracle(said, given, now)


@many
@given(claims, terms(), moments, anybody)
def test_any_order_and_repetition_gives_the_same(
    said: list[oracle.Said], given: Terms, now: datetime, random: Random
) -> None:
    does_not_depend_on_delivery(said, given, now, random)


@many
@given(claims, terms(), moments)
def test_claims_may_be_added_up_first(said: list[oracle.Said], given: Terms, now: datetime) -> None:
    does_not_depend_on_adding_up(said, given, now)


@many
@given(claims, terms(), moments)
def test_every_claim_won_or_lost_with_a_reason(said: list[oracle.Said], given: Terms, now: datetime) -> None:
    nothing_is_lost_sight_of(said, given, now)


def said(value: str, source: str = "shop", day: int = 0, event: str = "e0") -> Candidate:
    """A claim."""
    return candidate_of(oracle.Said(value, source, START + timedelta(days=day), event))


@pytest.mark.parametrize(
    ("rule", "winner", "reasons"),
    [
        (Rule(), '"c"', {'"a"': "older", '"b"': "older", '""': "empty"}),
        (Rule(ignore_empty=False), '""', {'"a"': "older", '"b"': "older", '"c"': "older"}),
        (Rule("first"), '"a"', {'"b"': "newer", '"c"': "newer", '""': "empty"}),
        (Rule("most frequent"), '"b"', {'"a"': "less frequent", '"c"': "less frequent", '""': "empty"}),
        (
            Rule("source priority", ("crm", "shop")),
            '"a"',
            {'"b"': "lower-priority source", '"c"': "lower-priority source", '""': "empty"},
        ),
        (Rule("verified", ("crm",)), '"a"', {'"b"': "not verified", '"c"': "not verified", '""': "empty"}),
        (
            Rule(ttl=timedelta(days=6)),
            '"c"',
            {'"a"': "expired", '"b"': "older", '""': "empty"},
        ),
    ],
    ids=lambda each: each.kind if isinstance(each, Rule) else "",
)
def test_each_losing_value_says_why(rule: Rule, winner: str, reasons: dict[str, str]) -> None:
    # Given an address that three sources know in four ways
    given = [
        said('"a"', "crm", 0, "e0"),
        said('"b"', "shop", 1, "e1"),
        said('"b"', "shop", 2, "e2"),
        said('"c"', "till", 3, "e3"),
        said('""', "till", 4, "e4"),
    ]
    # When one is chosen a week later
    found = choose(given, rule, START + timedelta(days=6))
    # Then each of the others says why it lost
    assert found.winner is not None
    assert found.winner.value == winner
    assert {each.candidate.value: each.reason for each in found.lost} == reasons


def test_of_two_claims_at_the_same_moment_the_greater_event_id_wins() -> None:
    found = choose([said('"a"', event="e1"), said('"b"', event="e2")], Rule(), START)
    assert found.winner is not None
    assert (found.winner.value, [each.reason for each in found.lost]) == ('"b"', ["tied"])


def test_an_empty_value_is_shown_where_there_is_nothing_else() -> None:
    found = choose([said('""'), said("null", event="e1")], Rule(), START)
    assert found.winner is not None
    assert found.winner.value == "null"


def test_what_has_expired_is_not_shown_and_is_not_forgotten() -> None:
    found = choose([said('"a"')], Rule(ttl=timedelta(days=1)), START + timedelta(days=1))
    assert found.winner is None
    assert [each.reason for each in found.lost] == ["expired"]


def test_a_multi_valued_attribute_is_the_union_of_what_was_said_with_the_source_of_each() -> None:
    found = choose(
        [said('["ski", "sea"]', "shop", 0, "e0"), said('["sea"]', "crm", 1, "e1"), said('"art"', "till", 2, "e2")],
        Rule(multi_valued=True),
        START,
    )
    assert found.winner is not None
    assert found.winner.value == '["art", "sea", "ski"]'
    values = [(each.value, each.source) for each in found.items]
    assert values == [('"art"', source_id("till")), ('"sea"', source_id("crm")), ('"ski"', source_id("shop"))]
    assert [(each.candidate.value, each.reason) for each in found.lost] == [('"sea"', "older")]


def test_it_says_until_when_a_value_holds() -> None:
    found = choose([said('"a"')], Rule(ttl=timedelta(days=30)), START)
    assert found.winner is not None
    assert found.winner.expires_at == START + timedelta(days=30)


def ignores_empty_always(candidate: Candidate, rule: Rule, counts: dict[str, int]) -> tuple[bool, int, int]:
    return candidate.value not in choice.EMPTY_VALUES, -rule.rank(candidate.source), counts[candidate.value]


def counts_by_source(candidate: Candidate, rule: Rule, counts: dict[str, int]) -> tuple[bool, int, int]:
    says = not rule.ignore_empty or candidate.value not in choice.EMPTY_VALUES
    return says, -rule.rank(candidate.source), candidate.claims if counts else 0


def believes_no_source_more(candidate: Candidate, rule: Rule, counts: dict[str, int]) -> tuple[bool, int, int]:
    says = not rule.ignore_empty or candidate.value not in choice.EMPTY_VALUES
    return says, 0, counts[candidate.value]


hunt = settings(
    max_examples=2_000,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("_strength", ignores_empty_always),
        ("_strength", counts_by_source),
        ("_strength", believes_no_source_more),
        ("_standing", lambda candidate, rule: candidate.last),
        ("_standing", lambda candidate, rule: candidate.first),
        ("_elements_of", lambda candidate: [candidate]),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_fault_in_the_choice_is_found(monkeypatch: pytest.MonkeyPatch, name: str, fault: object) -> None:
    monkeypatch.setattr(choice, name, fault)
    with pytest.raises(AssertionError):
        hunt(given(claims, terms(), moments)(agrees_with_the_oracle))()


def test_candidates_that_are_not_added_up_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_merged", list)
    with pytest.raises(AssertionError):
        hunt(given(claims, terms(), moments)(does_not_depend_on_adding_up))()


def test_a_choice_that_counts_repetitions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "dict", SimpleNamespace(fromkeys=list), raising=False)
    with pytest.raises(AssertionError):
        hunt(given(claims, terms(), moments, anybody)(does_not_depend_on_delivery))()
