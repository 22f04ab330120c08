"""Whatever was decided in whichever order: the policy at a position is a plain fold of the events up to it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.application import Application
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cdp.identity.decision import Decision
from cdp.identity.document import content_of, rules_of
from cdp.identity.rules import DEFAULT_RULES
from cdp.log.events import Head, RecordedEvent
from cdp.log.mapper import PartsMapper
from cdp.policy import policies as policies_module
from cdp.policy import policy
from cdp.policy.decision import StewardDecision
from cdp.policy.policies import Policies
from cdp.policy.policy import Fold
from cdp.policy.rule_book import IDENTITY, RuleBook
from cdp.sources.source import Source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRANSCODER = Application[UUID]().construct_transcoder()
FIRST, SECOND = UUID(int=1), UUID(int=2)

Step = tuple[str, ...]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("decide"),
            st.sampled_from(["link", "unlink", "release"]),
            st.sampled_from(["1 2", "2 3", "1 3"]),
        ),
        st.tuples(st.just("decide"), st.sampled_from(["block", "release"]), st.sampled_from(["1", "2"])),
        st.tuples(st.just("draft"), st.integers(2, 9).map(str), st.sampled_from(["", "public", "server"])),
        st.tuples(st.just("activate"), st.integers(0, 5).map(str)),
        st.tuples(st.just("source"), st.sampled_from(["shop", "site"]), st.sampled_from(["public", "server"])),
        st.tuples(st.just("touchpoint")),
    ),
    max_size=40,
)


@dataclass
class Book:
    """A log in memory that real aggregates write to, their personal parts left out."""

    incarnation: UUID = FIRST
    events: list[RecordedEvent | None] = field(default_factory=list)
    aggregates: dict[Any, Any] = field(default_factory=dict)
    mapper: PartsMapper = field(default_factory=lambda: PartsMapper(TRANSCODER, None))  # type: ignore[arg-type]

    def do(self, step: Step) -> None:
        match step:
            case ("decide", kind, pair):
                self._decide(kind, [int(number) for number in pair.split()])
            case ("draft", size, trust):
                book = self._book()
                tree = {"size_cap": int(size), "trust": {"shop": trust} if trust else {}}
                book.draft(IDENTITY, book.latest + 1, content_of(rules_of(tree)), "ayse", "")
                self._save(book)
            case ("activate", number):
                if int(number) <= self._book().latest:
                    self._book().activate(IDENTITY, int(number), "ayse", "")
                    self._save(self._book())
            case ("source", name, trust) if name not in self.aggregates:
                rest: dict[str, Any] = {"channel": "web", "brand": None, "namespaces": {}}
                rest |= {"credential_id": "", "key_digest": "", "actor": ""}
                self.aggregates[name] = Source(name=name, trust=trust, **rest)
                self._save(self.aggregates[name])
            case _:
                self.events.append(None)

    def _decide(self, kind: str, numbers: list[int]) -> None:
        key = tuple(numbers)
        if key in self.aggregates:
            self.aggregates[key].change(kind, numbers, "ayse", "")
        else:
            self.aggregates[key] = StewardDecision(kind=kind, numbers=numbers, actor="ayse", reason="")
        self._save(self.aggregates[key])

    def _book(self) -> RuleBook:
        book: RuleBook = self.aggregates.setdefault(IDENTITY, RuleBook(kind=IDENTITY, actor="ayse"))
        return book

    def _save(self, aggregate: Any) -> None:
        for event in aggregate.collect_events():
            stored = super(PartsMapper, self.mapper).to_stored_event(event)
            place = (len(self.events) + 1, aggregate.id, stored.originator_version, stored.topic, NOW)
            self.events.append(RecordedEvent(*place, stored.state, None, None))

    def read_control(self, after: int) -> list[RecordedEvent]:
        return [event for event in self.events[after:] if event is not None]

    def head(self) -> Head:
        return Head(len(self.events), NOW, self.incarnation)


def expected(steps: list[tuple[int, Step]], position: int) -> dict[str, Any]:
    """What was decided by a position, told step by step without the product's fold."""
    decisions: dict[str, tuple[str, tuple[int, ...], int]] = {}
    drafts, active = [(500, "")], 0
    sources: dict[str, str] = {}
    for at, step in steps:
        if at > position:
            break
        match step:
            case ("decide", kind, pair):
                decisions.pop(pair, None)
                if kind != "release":
                    decisions[pair] = (kind, tuple(map(int, pair.split())), at)
            case ("draft", size, trust):
                drafts += [(int(size), trust)]
            case ("activate", number) if int(number) < len(drafts):
                active = int(number)
            case ("source", name, trust):
                sources.setdefault(name, trust)
    cap, override = drafts[active]
    trusts = {name: override if name == "shop" and override else trust for name, trust in sources.items()}
    return {
        "size": cap,
        "version": active,
        "decisions": list(decisions.values()),
        "public": {Source.create_id(name) for name, trust in trusts.items() if trust == "public"},
    }


def told(policies: Policies, position: int) -> dict[str, Any]:
    found = policies.at(position)
    return {
        "size": found.rules.size_cap,
        "version": found.rules_version,
        "decisions": [tuple(each) for each in found.decisions],
        "public": set(found.public),
    }


def written(steps: list[Step]) -> tuple[Book, list[tuple[int, Step]]]:
    """The steps done, each with the position of its last event."""
    book, placed = Book(), []
    for step in steps:
        book.do(step)
        placed.append((len(book.events), step))
    return book, placed


def agrees_at_any_position(steps: list[Step], asked: list[int]) -> None:
    book, placed = written(steps)
    policies = Policies(book, book.mapper)
    for position in (*asked, *range(len(book.events) + 1), *reversed(asked)):
        assert told(policies, position) == expected(placed, position)


def agrees_after_each_event(steps: list[Step]) -> None:
    """As a projector asks, batch by batch."""
    book, placed = Book(), []
    policies = Policies(book, book.mapper)
    for step in steps:
        before = len(book.events)
        book.do(step)
        placed.append((len(book.events), step))
        assert told(policies, before) == expected(placed, before)
        assert told(policies, len(book.events)) == expected(placed, len(book.events))
    assert policies.latest() == policies.at(len(book.events))


def agrees_after_a_restore(first: list[Step], second: list[Step]) -> None:
    book, _ = written(first)
    policies = Policies(book, book.mapper)
    policies.latest()
    again, placed = written(second)
    book.incarnation, book.events = SECOND, again.events
    policies.latest()
    assert told(policies, len(book.events)) == expected(placed, len(book.events))


ASKED = st.lists(st.integers(0, 50), max_size=12)
anywhere = given(STEPS, ASKED)
step_by_step = given(STEPS)
restored = given(STEPS, STEPS)

test_at_any_position_in_any_order_of_asking = anywhere(agrees_at_any_position)
test_asked_after_each_event = step_by_step(agrees_after_each_event)
test_a_log_restored_to_an_earlier_state_is_read_anew = restored(agrees_after_a_restore)


def instead(patch: pytest.MonkeyPatch, event: type[Any], take: Callable[[Fold, Any, int], None]) -> None:
    """Has an event do something else to the policy."""
    patch.setattr(policy, "TAKEN", {**policy.TAKEN, event: take})


def a_release_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policy, "RELEASE", "never")


def a_decision_keeps_its_first_place(patch: pytest.MonkeyPatch) -> None:
    def wrong(fold: Fold, event: Any, position: int) -> None:
        if event.kind == "release":
            fold.decisions.pop(event.originator_id, None)
        else:
            fold.decisions[event.originator_id] = Decision(event.kind, tuple(event.numbers), position)

    for kind in (StewardDecision.Created, StewardDecision.Changed):
        instead(patch, kind, wrong)


def a_draft_is_in_force_at_once(patch: pytest.MonkeyPatch) -> None:
    def wrong(fold: Fold, event: Any, position: int) -> None:
        fold.drafts[event.kind, event.number] = event.content
        fold.active[event.kind] = event.number

    instead(patch, RuleBook.Drafted, wrong)


def rules_trust_nobody_otherwise(patch: pytest.MonkeyPatch) -> None:
    right = Fold.public
    patch.setattr(Fold, "public", lambda fold, trust: right(fold, {}))


def a_position_excludes_its_own_event(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policies_module, "bisect_right", bisect_left)


def what_was_folded_is_not_folded_back(patch: pytest.MonkeyPatch) -> None:
    def wrong(policies: Policies, count: int) -> Any:
        for change in policies._changes[policies._folded : count]:
            policies._fold.take(change.event, change.position)
        policies._folded = max(count, policies._folded)
        return policies._fold.policy()

    patch.setattr(Policies, "_folded_to", wrong)


def the_log_is_read_once(patch: pytest.MonkeyPatch) -> None:
    right = Policies._read_on
    patch.setattr(Policies, "_read_on", lambda policies: None if policies._read_to else right(policies))


def a_restore_goes_unnoticed(patch: pytest.MonkeyPatch) -> None:
    right = Policies._forget

    def wrong(policies: Policies, incarnation: UUID | None) -> None:
        if incarnation == SECOND:
            policies._incarnation = incarnation
        else:
            right(policies, incarnation)

    patch.setattr(Policies, "_forget", wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "fails"),
    [
        (a_release_is_forgotten, anywhere(agrees_at_any_position)),
        (a_decision_keeps_its_first_place, anywhere(agrees_at_any_position)),
        (a_draft_is_in_force_at_once, anywhere(agrees_at_any_position)),
        (rules_trust_nobody_otherwise, anywhere(agrees_at_any_position)),
        (a_position_excludes_its_own_event, anywhere(agrees_at_any_position)),
        (what_was_folded_is_not_folded_back, anywhere(agrees_at_any_position)),
        (the_log_is_read_once, step_by_step(agrees_after_each_event)),
        (a_restore_goes_unnoticed, restored(agrees_after_a_restore)),
    ],
)
def test_a_fault_in_the_product_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], fails: Callable[[], None]
) -> None:
    search = settings(max_examples=500, derandomize=True, database=None, phases=[Phase.generate])
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        with pytest.raises(AssertionError):
            search(fails)()


def test_the_rules_of_now_can_be_tried_at_any_position() -> None:
    book, _ = written([("source", "shop", "server"), ("decide", "link", "1 2")])
    policies = Policies(book, book.mapper)
    tried = policies.under(rules_of({"trust": {"shop": "public"}}), len(book.events))
    assert tried.public == {Source.create_id("shop")}
    assert tried.decisions == policies.latest().decisions
    assert policies.latest().rules == DEFAULT_RULES
