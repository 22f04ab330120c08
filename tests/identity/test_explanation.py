"""Why two identifiers are one profile, and why not: the answers a steward gets."""

from __future__ import annotations

from dataclasses import replace

from cdp.identity.explanation import Explanation, explain
from cdp.identity.findings import Verdict
from cdp.identity.rules import DEFAULT_RULES
from tests.identity.story import Story


def explained(story: Story, a: str, b: str) -> Explanation:
    numbers = story.number(a), story.number(b)
    return explain(*numbers, list(story.subjects.values()), story.nodes, story.rules, story.decisions)


def chain(story: Story, a: str, b: str) -> list[tuple[str, str, str, str | int | None]]:
    """Each link with its kind, and its event or decision."""
    links = explained(story, a, b).chain
    return [
        (story.names[link.a], story.names[link.b], link.kind, link.moment.event if link.moment else link.position)
        for link in links
    ]


def reasons(story: Story, a: str, b: str) -> list[tuple[str, ...]]:
    """Each obstacle: its code and the identifiers that it is about."""
    found = explained(story, a, b)
    assert not found.joined
    return [(each.code, *(story.names[number] for number in each.numbers)) for each in found.obstacles]


def test_a_chain_names_the_touchpoints_that_join_two() -> None:
    story = Story()
    story.see(1, "anonymous_id:browser", "user_id:ada")
    story.see(2, "user_id:ada", "email:ada@example.org")
    story.see(3, "email:ada@example.org", "loyalty_card:7")
    assert chain(story, "anonymous_id:browser", "loyalty_card:7") == [
        ("anonymous_id:browser", "user_id:ada", "last authenticated", "event-000000"),
        ("user_id:ada", "email:ada@example.org", "same touchpoint", "event-000001"),
        ("email:ada@example.org", "loyalty_card:7", "same touchpoint", "event-000002"),
    ]


def test_a_stewards_link_is_named_by_its_position() -> None:
    story = Story()
    story.see(1, "user_id:ada")
    story.see(2, "user_id:ada-again")
    story.decide("link", "user_id:ada", "user_id:ada-again")
    [(_, _, kind, position)] = chain(story, "user_id:ada", "user_id:ada-again")
    assert (kind, position) == ("steward", 100)


def test_of_a_shared_browser_it_says_when_it_was_whose() -> None:
    story = Story()
    story.see(1, "anonymous_id:shared", "user_id:ada")
    story.see(4, "anonymous_id:shared", "user_id:ben")
    [turn] = explained(story, "anonymous_id:shared", "user_id:ben").turns
    assert (turn.start, turn.end) == (story.events[1][1], None)
    assert reasons(story, "user_id:ada", "user_id:ben") == [("shareable", "anonymous_id:shared")]


def test_an_ambiguous_identifier_shows_what_was_counted() -> None:
    story = Story()
    story.see(1, "user_id:ada", "email:x@example.org")
    story.see(2, "user_id:ben", "email:x@example.org")
    [obstacle] = explained(story, "user_id:ada", "email:x@example.org").obstacles
    assert obstacle.verdict == Verdict("ambiguous", "limit", 2, 1, "user_id", "shop")
    assert {story.names[number] for number in obstacle.values} == {"user_id:ada", "user_id:ben"}
    assert reasons(story, "user_id:ada", "user_id:ben") == [("ambiguous", "email:x@example.org")]


def test_a_withheld_link_shows_what_it_collides_with() -> None:
    story = Story()
    story.see(1, "user_id:ada", "loyalty_card:7")
    story.see(2, "loyalty_card:7", "email:ben@example.org")
    story.see(3, "user_id:ben", "email:ben@example.org")
    [obstacle] = explained(story, "user_id:ben", "user_id:ada").obstacles
    assert obstacle.withheld is not None
    assert (obstacle.code, obstacle.withheld.reason) == ("withheld", "limit")
    assert obstacle.withheld.moment == story.events[2][1]
    assert {story.names[number] for number in obstacle.withheld.collision} == {"user_id:ada", "user_id:ben"}


def test_a_stewards_unlink_is_named_even_where_nothing_was_seen() -> None:
    story = Story()
    story.see(1, "user_id:ada")
    story.see(2, "email:x@example.org")
    assert reasons(story, "user_id:ada", "email:x@example.org") == [
        ("not_connected", "user_id:ada", "email:x@example.org")
    ]
    story.decide("unlink", "user_id:ada", "email:x@example.org")
    assert [code for code, *_ in reasons(story, "user_id:ada", "email:x@example.org")] == ["kept_apart"]


def test_all_obstacles_on_a_longer_way_are_named() -> None:
    # Given a blocked address on the way, and a link that only a browser showed
    story = Story()
    story.see(1, "user_id:ada", "email:test@test.com")
    story.see(2, "email:test@test.com", "email:x@example.org")
    story.see(3, "loyalty_card:8")
    story.see(4, "email:x@example.org", "loyalty_card:8", public=True)
    assert reasons(story, "user_id:ada", "loyalty_card:8") == [
        ("withheld", "email:x@example.org", "loyalty_card:8"),
        ("blocked", "email:test@test.com"),
    ]


def test_what_was_never_seen_or_stays_anonymous_says_so() -> None:
    story = Story(replace(DEFAULT_RULES, anonymous="stays anonymous"))
    story.see(1, "user_id:ada", "anonymous_id:browser")
    story.see(2, "anonymous_id:browser")
    assert reasons(story, "user_id:ada", "user_id:ben") == [("never_seen", "user_id:ben")]
    assert ("stays_anonymous", "anonymous_id:browser") in reasons(story, "user_id:ada", "anonymous_id:browser")


def test_it_reads_as_plain_english() -> None:
    story = Story()
    story.see(1, "user_id:ada", "email:x@example.org")
    story.see(2, "user_id:ben", "email:x@example.org", public=True)
    ada, ben, address = (story.number(who) for who in ("user_id:ada", "user_id:ben", "email:x@example.org"))
    joined = str(explained(story, "user_id:ada", "email:x@example.org")).splitlines()
    assert joined[0].startswith(f"{ada} and {address} are one profile, p")
    shown = "in one touchpoint at 2024-03-02T00:00:00+00:00 (event event-000000), shown by a server"
    assert joined[1] == f"{ada} and {address}: {shown}"
    apart = str(explained(story, "user_id:ben", "user_id:ada")).splitlines()
    numbers = " and ".join(str(each) for each in sorted((ada, ben)))
    assert apart == [
        f"{ben} and {ada} are not one profile:",
        f"the link of {ben} and {address} seen at 2024-03-03T00:00:00+00:00 (event event-000001) is withheld: "
        f"there would be 2 values of user_id in shop ({numbers}), where 1 are allowed",
    ]
