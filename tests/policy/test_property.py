"""Whatever was decided in whichever order: the policy at a position is a plain fold of the events up to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from hypothesis import given
from hypothesis import strategies as st

from cdp.identity.document import content_of, rules_of
from cdp.identity.rules import DEFAULT_RULES
from cdp.log.events import Head, RecordedEvent
from cdp.log.mapper import PartsMapper
from cdp.policy.decision import StewardDecision
from cdp.policy.policies import Policies
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
    policy = policies.at(position)
    return {
        "size": policy.rules.size_cap,
        "version": policy.rules_version,
        "decisions": [tuple(each) for each in policy.decisions],
        "public": set(policy.public),
    }


def written(steps: list[Step]) -> tuple[Book, list[tuple[int, Step]]]:
    """The steps done, each with the position of its last event."""
    book, placed = Book(), []
    for step in steps:
        book.do(step)
        placed.append((len(book.events), step))
    return book, placed


@given(STEPS, st.lists(st.integers(0, 50), max_size=12))
def test_at_any_position_in_any_order_of_asking(steps: list[Step], asked: list[int]) -> None:
    book, placed = written(steps)
    policies = Policies(book, book.mapper)
    for position in (*asked, *range(len(book.events) + 1), *reversed(asked)):
        assert told(policies, position) == expected(placed, position)


@given(STEPS)
def test_asked_after_each_event_as_a_projector_does(steps: list[Step]) -> None:
    book, placed = Book(), []
    policies = Policies(book, book.mapper)
    for step in steps:
        before = len(book.events)
        book.do(step)
        placed.append((len(book.events), step))
        assert told(policies, before) == expected(placed, before)
        assert told(policies, len(book.events)) == expected(placed, len(book.events))
    assert policies.latest() == policies.at(len(book.events))


@given(STEPS, STEPS)
def test_a_log_restored_to_an_earlier_state_is_read_anew(first: list[Step], second: list[Step]) -> None:
    book, _ = written(first)
    policies = Policies(book, book.mapper)
    policies.latest()
    again, placed = written(second)
    book.incarnation, book.events = SECOND, again.events
    policies.latest()
    assert told(policies, len(book.events)) == expected(placed, len(book.events))


def test_the_rules_of_now_can_be_tried_at_any_position() -> None:
    book, _ = written([("source", "shop", "server"), ("decide", "link", "1 2")])
    policies = Policies(book, book.mapper)
    tried = policies.under(rules_of({"trust": {"shop": "public"}}), len(book.events))
    assert tried.public == {Source.create_id("shop")}
    assert tried.decisions == policies.latest().decisions
    assert policies.latest().rules == DEFAULT_RULES
