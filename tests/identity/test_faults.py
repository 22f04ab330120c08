"""Tests of the tests: a fault put into the product makes the properties fail that speak against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from cdp.identity import explanation, graph, linking, membership
from cdp.identity.belief import Usable, split
from cdp.identity.decision import Decision
from cdp.identity.evidence import Moment, SubjectSeen
from cdp.identity.findings import Verdict, Withheld
from cdp.identity.graph import IdentityGraph
from cdp.identity.groups import Groups
from cdp.identity.linking import Candidates, Linking, Pair, candidates
from cdp.identity.membership import Belongings
from cdp.identity.naming import named
from cdp.identity.obstacles import Obstacles
from cdp.identity.stewardship import Stewardship, stewardship
from cdp.identity.turns import Authentication, authentications, turns
from cdp.identity.verdicts import Judge, judged
from tests.identity import properties
from tests.identity.cases import cases
from tests.identity.oracle import Decided

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch

search = settings(
    deadline=None,
    max_examples=1_500,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)
anybody = st.randoms(use_true_random=False)
a_link = st.builds(Decided, st.sampled_from(["link", "unlink"]), st.sampled_from([(1, 2), (1, 5), (2, 6), (5, 6)]))

oracle = search(given(cases)(properties.agrees_with_the_oracle))
delivery = search(given(cases, anybody)(properties.does_not_depend_on_delivery))
merge_undone = search(given(cases)(properties.a_merge_undone_leaves_no_trace))
link_undone = search(given(cases)(properties.a_link_undone_leaves_no_trace))
released = search(given(cases, a_link)(properties.a_decision_taken_back_leaves_no_trace))
explained = search(given(cases)(properties.every_pair_is_explained))
component = search(given(cases)(properties.holds_for_each_component_alone))


def limits_are_forgotten(patch: Patch) -> None:
    patch.setattr(Groups, "_exceeded", lambda groups, ours, theirs: None)


def a_limit_is_one_too_high(patch: Patch) -> None:
    right = Groups._limit
    patch.setattr(Groups, "_limit", lambda groups, kind: (right(groups, kind) or 0) + 1)


def the_size_cap_is_forgotten(patch: Patch) -> None:
    right = Groups.try_to_join

    def wrong(groups: Groups, a: int, b: int, moment: Moment, public: bool) -> Withheld | None:
        withheld = right(groups, a, b, moment, public)
        if withheld and withheld.reason == "size_cap":
            groups.join(a, b)
            return None
        return withheld

    patch.setattr(Groups, "try_to_join", wrong)


def links_join_in_the_order_of_delivery(patch: Patch) -> None:
    def wrong(groups: Groups, pairs: Mapping[Pair, Moment], public: bool) -> list[Withheld]:
        tried = (groups.try_to_join(a, b, moment, public) for (a, b), moment in pairs.items())
        return [withheld for withheld in tried if withheld]

    patch.setattr(linking, "_join", wrong)


def only_the_last_moment_of_a_pair_counts(patch: Patch) -> None:
    patch.setattr(linking, "_see", lambda pairs, numbers, moment: pairs.update({numbers[:2]: moment}))


def delicate_components_are_overlooked(patch: Patch) -> None:
    patch.setattr(linking, "_delicate", lambda given, bounds, components: ())


def cannot_links_are_ignored(patch: Patch) -> None:
    patch.setattr(Stewardship, "kept_apart", lambda stewards, ours, theirs: None)


def public_sightings_are_dropped(patch: Patch) -> None:
    right = candidates

    def wrong(*given: Any) -> Candidates:
        return replace(right(*given), public={})

    patch.setattr(graph, "candidates", wrong)


def public_sources_are_trusted(patch: Patch) -> None:
    right = Groups.try_to_join
    patch.setattr(Groups, "try_to_join", lambda groups, a, b, moment, public: right(groups, a, b, moment, False))


def public_links_come_with_the_servers(patch: Patch) -> None:
    right = candidates

    def wrong(*given: Any) -> Candidates:
        found = right(*given)
        return replace(found, server={**found.server, **found.public}, public={})

    patch.setattr(graph, "candidates", wrong)


def nobody_is_ambiguous(patch: Patch) -> None:
    patch.setattr(graph, "judged", lambda *given: {})


def fan_out_is_off_by_one(patch: Patch) -> None:
    right = Judge._past_fan_out
    patch.setattr(Judge, "_past_fan_out", lambda judge, number, count: right(judge, number, count - 1))


def everybody_is_judged_by_everything(patch: Patch) -> None:
    right = judged

    def wrong(subjects: list[SubjectSeen], *given: Any) -> dict[int, Verdict]:
        return right([structs.replace(each, server=each.server or each.public) for each in subjects], *given)

    patch.setattr(graph, "judged", wrong)


def values_joined_by_stewards_count_apart(patch: Patch) -> None:
    right = judged

    def wrong(subjects: list[SubjectSeen], usable: list[Usable], judge: Judge, *given: Any) -> dict[int, Verdict]:
        return right(subjects, usable, replace(judge, stewards=replace(judge.stewards, groups={})), *given)

    patch.setattr(graph, "judged", wrong)


def sightings_under_a_cannot_link_count(patch: Patch) -> None:
    right = judged

    def wrong(subjects: list[SubjectSeen], usable: list[Usable], judge: Judge, *given: Any) -> dict[int, Verdict]:
        return right(subjects, usable, replace(judge, stewards=replace(judge.stewards, apart={})), *given)

    patch.setattr(graph, "judged", wrong)


def a_stewards_link_makes_no_ambiguous_identifier_usable(patch: Patch) -> None:
    def wrong(identity: IdentityGraph) -> list[Usable]:
        bad = identity.ambiguous.keys()
        return [Usable(*(tuple(n for n in kind if n not in bad) for kind in each)) for each in identity.present]

    patch.setattr(IdentityGraph, "usable", property(wrong))


def blocks_of_stewards_are_ignored(patch: Patch) -> None:
    right = stewardship
    patch.setattr(graph, "stewardship", lambda *given: replace(right(*given), blocked=frozenset()))


def the_latest_decision_does_not_win(patch: Patch) -> None:
    right = stewardship
    patch.setattr(graph, "stewardship", lambda decided, *given: right(_without_unlinks(decided), *given))


def _without_unlinks(decided: Any) -> list[Any]:
    return [each._replace(kind="link") if each.kind == "unlink" else each for each in decided]


def names_are_those_of_the_youngest(patch: Patch) -> None:
    right = named

    def wrong(groups: Any, nodes: Any, exclusive: Any) -> dict[int, str]:
        turned = {n: node._replace(first_position=-node.first_position) for n, node in nodes.items()}
        return right(groups, turned, exclusive)

    patch.setattr(graph, "named", wrong)


def the_first_login_is_for_ever(patch: Patch) -> None:
    right = turns
    patch.setattr(membership, "turns", lambda seen, window: right(seen[:1], window))


def windows_are_forgotten(patch: Patch) -> None:
    right = turns
    patch.setattr(membership, "turns", lambda seen, window: right(seen, None))


def logins_count_in_the_order_of_delivery(patch: Patch) -> None:
    right = authentications

    def wrong(subjects: Any, *given: Any) -> dict[int, list[Authentication]]:
        found = right(subjects, *given)
        order = {moment: i for i, moment in enumerate(moment for each in subjects for moment in each.moments)}
        return {number: sorted(seen, key=lambda each: order[each.moment]) for number, seen in found.items()}

    patch.setattr(graph, "authentications", wrong)


def what_a_steward_gave_away_is_forgotten(patch: Patch) -> None:
    right = Belongings.memberships

    def wrong(belongings: Belongings, subject: int, usable: Usable) -> Any:
        if usable.exclusive:
            return right(belongings, subject, usable)
        return right(replace(belongings, people={}), subject, usable._replace(shareable=usable.shareable[:0]))

    patch.setattr(Belongings, "memberships", wrong)


def the_least_believed_decides(patch: Patch) -> None:
    right = split

    def wrong(*given: Any) -> list[Usable]:
        return [Usable(each.exclusive[::-1], each.shareable[::-1]) for each in right(*given)]

    patch.setattr(graph, "split", wrong)


def known_verdicts_are_ignored(patch: Patch) -> None:
    right = judged
    patch.setattr(graph, "judged", lambda subjects, usable, judge, known: right(subjects, usable, judge, {}))


def a_group_falls_apart_around_a_cannot_link(patch: Patch) -> None:
    right: Callable[[IdentityGraph], Linking] = IdentityGraph.__dict__["people"].func

    def wrong(identity: IdentityGraph) -> Linking:
        found, apart = right(identity), identity.stewards.apart
        return Linking({n: n if n in apart else group for n, group in found.groups.items()}, found.withheld)

    patch.setattr(IdentityGraph, "people", property(wrong))


def decisions_linger(patch: Patch) -> None:
    before: list[Decision] = []

    def wrong(decided: Any, *given: Any) -> Stewardship:
        both = [*before, *decided]
        before[:] = decided
        return stewardship(both, *given)

    patch.setattr(graph, "stewardship", wrong)


def a_chain_forgets_a_link(patch: Patch) -> None:
    right = explanation._chain
    patch.setattr(explanation, "_chain", lambda a, b, links: right(a, b, links)[:1])


def what_lies_in_between_is_forgotten(patch: Patch) -> None:
    patch.setattr(Obstacles, "_at", lambda obstacles, home: iter(()))


FAULTS = [
    (limits_are_forgotten, oracle),
    (a_limit_is_one_too_high, oracle),
    (the_size_cap_is_forgotten, oracle),
    (links_join_in_the_order_of_delivery, oracle),
    (links_join_in_the_order_of_delivery, delivery),
    (only_the_last_moment_of_a_pair_counts, oracle),
    (delicate_components_are_overlooked, oracle),
    (delicate_components_are_overlooked, merge_undone),
    (cannot_links_are_ignored, oracle),
    (cannot_links_are_ignored, merge_undone),
    (public_sightings_are_dropped, oracle),
    (public_sources_are_trusted, oracle),
    (public_links_come_with_the_servers, oracle),
    (nobody_is_ambiguous, oracle),
    (fan_out_is_off_by_one, oracle),
    (everybody_is_judged_by_everything, oracle),
    (values_joined_by_stewards_count_apart, oracle),
    (sightings_under_a_cannot_link_count, oracle),
    (sightings_under_a_cannot_link_count, merge_undone),
    (a_stewards_link_makes_no_ambiguous_identifier_usable, oracle),
    (blocks_of_stewards_are_ignored, oracle),
    (the_latest_decision_does_not_win, oracle),
    (the_latest_decision_does_not_win, merge_undone),
    (the_latest_decision_does_not_win, link_undone),
    (names_are_those_of_the_youngest, oracle),
    (the_first_login_is_for_ever, oracle),
    (windows_are_forgotten, oracle),
    (logins_count_in_the_order_of_delivery, oracle),
    (what_a_steward_gave_away_is_forgotten, oracle),
    (the_least_believed_decides, oracle),
    (known_verdicts_are_ignored, component),
    (a_group_falls_apart_around_a_cannot_link, merge_undone),
    (a_group_falls_apart_around_a_cannot_link, link_undone),
    (decisions_linger, released),
    (a_chain_forgets_a_link, explained),
    (what_lies_in_between_is_forgotten, explained),
    (logins_count_in_the_order_of_delivery, delivery),
]


@pytest.mark.parametrize(("fault", "check"), FAULTS, ids=lambda each: each.__name__)
def test_a_fault_is_found(fault: Callable[[Patch], None], check: Any, monkeypatch: Patch) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        check()
