"""What a reader would ask about identity, one case after the other, under the built-in rules unless a case says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cdp.identity.evidence import SubjectSeen
from cdp.identity.findings import Verdict
from cdp.identity.profile_id import profile_id
from cdp.identity.resolution import resolve
from cdp.identity.rules import DEFAULT_RULES, TypeRule
from tests.identity.story import START, Story


def test_anonymous_then_login_is_one_profile_and_keeps_the_anonymous_past() -> None:
    # Given a browser seen before and after its user logs in
    story = Story()
    story.see(1, "anonymous_id:browser")
    story.see(2, "anonymous_id:browser", "user_id:ada")
    story.see(3, "anonymous_id:browser")
    # Then everything is one profile, called after the user id
    assert story.whose() == ["user_id:ada"] * 3


def test_two_devices_of_one_person_are_one_profile() -> None:
    story = Story()
    story.see(1, "anonymous_id:laptop", "user_id:ada")
    story.see(2, "device_id:phone", "user_id:ada")
    story.see(3, "device_id:phone")
    assert story.whose() == ["user_id:ada"] * 3


def test_two_persons_on_one_device_take_turns() -> None:
    # Given one browser on which two people log in one after the other
    story = Story()
    story.see(1, "anonymous_id:shared")
    story.see(2, "anonymous_id:shared", "user_id:ada")
    story.see(3, "anonymous_id:shared")
    story.see(4, "anonymous_id:shared", "user_id:ben")
    story.see(5, "anonymous_id:shared")
    # Then what is anonymous belongs to whoever logged in last
    assert story.whose() == ["user_id:ada"] * 3 + ["user_id:ben"] * 2


def test_what_is_anonymous_can_stay_anonymous() -> None:
    story = Story(replace(DEFAULT_RULES, anonymous="stays anonymous"))
    story.see(1, "anonymous_id:browser")
    story.see(2, "anonymous_id:browser", "user_id:ada")
    story.see(3, "anonymous_id:browser")
    assert story.whose() == ["anonymous_id:browser", "user_id:ada", "anonymous_id:browser"]


def test_a_window_bounds_how_long_a_login_counts() -> None:
    # Given that a browser follows a login for two days, before the first one and after each
    browsers = replace(DEFAULT_RULES.types["anonymous_id"], window=timedelta(days=2))
    story = Story(replace(DEFAULT_RULES, types={**DEFAULT_RULES.types, "anonymous_id": browsers}))
    story.see(5, "anonymous_id:browser", "user_id:ada")
    story.see(9, "anonymous_id:browser", "user_id:ada")
    # When it is used before, between and after
    for day in (2.9, 3, 6.9, 7, 8.9, 9.5, 11):
        story.see(day, "anonymous_id:browser")
    # Then it is the user's only near the logins
    ada, nobody = "user_id:ada", "anonymous_id:browser"
    assert story.whose() == [ada, ada, nobody, ada, ada, nobody, nobody, ada, nobody]


def test_a_corrected_address_joins_the_account_and_the_wrong_one_stays_behind() -> None:
    # Given somebody who mistypes an address that is really somebody else's
    story = Story()
    story.see(1, "user_id:ada", "email:ad@example.org")
    story.see(2, "user_id:ada", "email:ada@example.org")
    story.see(3, "email:ada@example.org")
    assert story.whose() == ["user_id:ada"] * 3
    # When its owner comes, the address speaks for two accounts, so it speaks for nobody
    story.see(4, "user_id:adnan", "email:ad@example.org")
    story.see(5, "email:ad@example.org")
    assert story.whose() == ["user_id:ada"] * 3 + ["user_id:adnan", None]
    assert story.verdict("email:ad@example.org") == Verdict("ambiguous", "limit", 2, 1, "user_id", "shop")
    # When a steward says whose it is not
    story.decide("unlink", "user_id:ada", "email:ad@example.org")
    # Then it is its owner's
    assert story.whose() == ["user_id:ada"] * 3 + ["user_id:adnan"] * 2
    assert story.verdict("email:ad@example.org") is None


def test_a_phone_handed_on_is_its_new_owners_from_then_on() -> None:
    # Given a number that one person used, and then another
    story = Story()
    story.see(1, "phone:+905321112233", "user_id:ada")
    story.see(3, "phone:+905321112233")
    story.see(9, "phone:+905321112233", "user_id:ben")
    story.see(10, "phone:+905321112233")
    # Then calls are whose the number was at the time, and the two never become one
    assert story.whose() == ["user_id:ada", "user_id:ada", "user_id:ben", "user_id:ben"]
    # When a steward says that it never was the second one's
    story.decide("unlink", "phone:+905321112233", "user_id:ben")
    # Then all calls are the first one's
    assert story.whose() == ["user_id:ada", "user_id:ada", "user_id:ben", "user_id:ada"]


def test_a_placeholder_address_used_by_hundreds_joins_nobody() -> None:
    # Given an address that the rules do not know for a placeholder, typed by 300 customers
    story = Story()
    for customer in range(300):
        story.see(customer, "email:info@example.org", f"user_id:customer-{customer}")
    story.see(400, "email:info@example.org")
    # Then they stay 300, and nobody is behind it
    assert len(set(story.whose()[:300])) == 300
    assert story.whose()[300] is None
    assert story.verdict("email:info@example.org") == Verdict("ambiguous", "fan_out", 300, 100)


def test_a_placeholder_without_accounts_is_past_its_fan_out() -> None:
    # Given a loyalty card at the till for whoever has none, used with 101 addresses
    story = Story(replace(DEFAULT_RULES, types=_without_limit("email")))
    for customer in range(101):
        story.see(customer, "loyalty_card:0815", f"email:{customer}@example.org")
    assert len(set(story.whose())) == 101
    assert story.verdict("loyalty_card:0815") == Verdict("ambiguous", "fan_out", 101, 100)


def test_a_blocked_value_joins_nobody_and_says_so() -> None:
    story = Story()
    story.see(1, "email:test@test.com", "user_id:ada")
    story.see(2, "email:test@test.com", "user_id:ben")
    story.see(3, "email:test@test.com")
    assert story.whose() == ["user_id:ada", "user_id:ben", None]
    assert story.verdict("email:test@test.com") == Verdict("blocked", "value")


def test_customer_42_of_two_shops_are_two_people_until_something_better_joins_them() -> None:
    # Given the same customer number in two shops
    story = Story()
    story.see(1, "user_id@shop:42")
    story.see(2, "user_id@till:42")
    assert len(set(story.whose())) == 2
    # When one address is seen with both
    story.see(3, "user_id@shop:42", "email:ada@example.org")
    story.see(4, "user_id@till:42", "email:ada@example.org")
    # Then they are one person: a person has one number in each shop
    assert story.whose() == ["user_id@shop:42"] * 4


def test_two_persons_on_one_phone_never_become_one() -> None:
    story = Story()
    story.see(1, "phone:+902121112233", "user_id:ada", "email:ada@example.org")
    story.see(2, "phone:+902121112233", "user_id:ben", "email:ben@example.org")
    story.see(3, "phone:+902121112233", "email:ada@example.org")
    story.see(4, "phone:+902121112233")
    assert story.whose() == ["user_id:ada", "user_id:ben", "user_id:ada", "user_id:ada"]


def test_a_limit_broken_is_withheld_and_healed_by_an_unlink() -> None:
    # Given two accounts, and a loyalty card of the first that is scanned for the second one's address
    story = Story()
    story.see(1, "user_id:ada", "loyalty_card:7")
    story.see(2, "loyalty_card:7", "email:ben@example.org")
    story.see(3, "user_id:ben", "email:ben@example.org")
    # Then the address has come to the first account, and its own owner's link is withheld, because both have an account
    assert story.whose() == ["user_id:ada", "user_id:ada", "user_id:ben"]
    assert story.withheld() == {("user_id:ben", "email:ben@example.org", "limit")}
    # When a steward takes the scan back
    story.decide("unlink", "loyalty_card:7", "email:ben@example.org")
    # Then everybody has what is theirs, and the scan goes to whom is believed first in it
    assert story.whose() == ["user_id:ada", "user_id:ben", "user_id:ben"]
    assert story.withheld() == {("email:ben@example.org", "loyalty_card:7", "cannot_link")}
    # When the decision is released, all is as it was
    story.decide("release", "loyalty_card:7", "email:ben@example.org")
    assert story.whose() == ["user_id:ada", "user_id:ada", "user_id:ben"]


def test_a_steward_can_join_what_a_limit_keeps_apart() -> None:
    # Given one person with two accounts of one shop, and an address that is ambiguous because of it
    story = Story()
    story.see(1, "user_id:ada", "email:ada@example.org")
    story.see(2, "user_id:ada-again", "email:ada@example.org")
    assert story.whose() == ["user_id:ada", "user_id:ada-again"]
    # When a steward says that the accounts are one person's
    story.decide("link", "user_id:ada", "user_id:ada-again")
    # Then they are, and the address is hers
    assert story.whose() == ["user_id:ada", "user_id:ada"]
    assert story.profile("email:ada@example.org") == "user_id:ada"


def test_a_late_login_moves_only_what_lies_between() -> None:
    # Given the login of a second user that is delivered last but happened in the middle
    story = Story()
    for day, *who in ((2, "user_id:ada"), (3,), (5,), (7, "user_id:ada"), (8,), (4, "user_id:ben")):
        story.see(float(day), "anonymous_id:shared", *(str(each) for each in who))
    ada, ben = "user_id:ada", "user_id:ben"
    assert story.whose() == [ada, ada, ben, ada, ada, ben]


def test_an_earlier_link_that_comes_late_takes_the_place_of_a_later_one() -> None:
    # Given an address that belongs to one account by way of a card
    story = Story()
    story.see(5, "user_id:ada", "loyalty_card:7")
    story.see(6, "loyalty_card:7", "email:ben@example.org")
    assert story.profile("email:ben@example.org") == "user_id:ada"
    # When it turns out late that it was another account's long before
    story.see(1, "user_id:ben", "email:ben@example.org")
    # Then it is that one's, as if it had come in time
    assert story.profile("email:ben@example.org") == "user_id:ben"
    assert story.withheld() == {("email:ben@example.org", "loyalty_card:7", "limit")}


def test_a_touchpoint_from_2099_does_not_decide_for_ever() -> None:
    # Given a clock that is 75 years ahead. What is received counts no later than it was received
    received = 3.0
    far = (datetime(2099, 1, 1, tzinfo=START.tzinfo) - START).days
    story = Story()
    story.see(1, "anonymous_id:shared", "user_id:ada")
    story.see(min(far, received), "anonymous_id:shared", "user_id:ben")
    story.see(4, "anonymous_id:shared", "user_id:ada")
    story.see(5, "anonymous_id:shared")
    # Then the next login has the last word
    assert story.whose()[-1] == "user_id:ada"


def test_even_a_moment_in_2099_or_before_all_calendars_is_only_a_moment() -> None:
    browsers = replace(DEFAULT_RULES.types["anonymous_id"], window=timedelta(days=3_000_000))
    story = Story(replace(DEFAULT_RULES, types={**DEFAULT_RULES.types, "anonymous_id": browsers}))
    story.see(75 * 365, "anonymous_id:shared", "user_id:ben")
    story.see(1, "anonymous_id:shared", "user_id:ada")
    story.see(5, "anonymous_id:shared")
    assert story.whose() == ["user_id:ben", "user_id:ada", "user_id:ada"]


@pytest.mark.slow
def test_fifty_thousand_identifiers_behind_one_call_center_phone_stay_fifty_thousand_people() -> None:
    # Given a call center that writes its own number beside every customer's
    story = Story()
    phone = story.number("phone:+902121112233")
    story.see(0, "phone:+902121112233")
    caller = story.nodes[phone]
    for customer in range(50_000):
        story.nodes[customer] = caller._replace(number=customer, type="user_id", namespace="shop")
        story.subjects[customer] = SubjectSeen(customer, (customer, phone), story.events[0][1])
    # When identity is resolved
    resolution = resolve(list(story.subjects.values()), story.nodes, story.rules)
    # Then nobody was swallowed, and calls without a customer are nobody's
    assert len(set(resolution.profiles.values())) == 50_000
    assert resolution.verdicts == {phone: Verdict("ambiguous", "fan_out", 50_000, 200)}
    assert len(resolution.memberships) == 50_000


def test_a_browser_cannot_join_what_servers_know_apart_but_adds_what_it_alone_knows() -> None:
    # Given two customers that the till knows
    story = Story()
    story.see(1, "user_id:ada", "loyalty_card:7")
    story.see(2, "email:ben@example.org")
    # When a browser, whose write key anybody can copy, says that they are one, and something of its own
    story.see(3, "user_id:ada", "email:ben@example.org", public=True)
    story.see(4, "user_id:ada", "email:ada@example.org", public=True)
    # Then only the second one counts
    assert story.withheld() == {("user_id:ada", "email:ben@example.org", "public_source")}
    assert story.whose() == ["user_id:ada", "email:ben@example.org", "user_id:ada", "user_id:ada"]


def test_servers_have_the_first_word_whatever_a_browser_said_before() -> None:
    # Given a browser that shows an address with one account, and a server that later shows it with another one
    story = Story()
    story.see(1, "user_id:ada", "email:x@example.org", public=True)
    story.see(2, "user_id:ben", "email:x@example.org")
    # Then the address is judged by what servers saw, and belongs where they saw it
    assert story.profile("email:x@example.org") == "user_id:ben"
    assert story.withheld() == {("user_id:ada", "email:x@example.org", "limit")}


def test_no_group_grows_past_the_cap() -> None:
    # Given a chain of customer numbers of five shops, each seen with the next
    story = Story(replace(DEFAULT_RULES, size_cap=3))
    for shop in range(4):
        story.see(shop, f"user_id@shop{shop}:42", f"user_id@shop{shop + 1}:42")
    # Then it is cut where the group would have grown too large
    assert story.withheld() == {("user_id@shop2:42", "user_id@shop3:42", "size_cap")}
    assert story.profile("user_id@shop4:42") == "user_id@shop3:42"


def test_a_steward_blocks_an_identifier() -> None:
    story = Story()
    story.see(1, "user_id@shop:ada", "loyalty_card:7")
    story.see(2, "user_id@till:9", "loyalty_card:7")
    assert len(set(story.whose())) == 1
    story.decide("block", "loyalty_card:7")
    assert len(set(story.whose())) == 2
    assert story.verdict("loyalty_card:7") == Verdict("blocked", "steward")


def test_a_steward_gives_a_phone_to_its_owner() -> None:
    # Given a phone that nobody authenticated on, and one on which somebody else did
    story = Story()
    story.see(1, "user_id:ada")
    story.see(2, "phone:+905321112233")
    story.see(3, "phone:+905321112233", "user_id:ben")
    # When a steward says whose it is
    story.decide("link", "phone:+905321112233", "user_id:ada")
    # Then it always was
    assert story.whose() == ["user_id:ada", "user_id:ada", "user_id:ben"]


def test_browsers_that_a_steward_joined_share_their_logins() -> None:
    story = Story()
    story.see(1, "anonymous_id:old", "user_id:ada")
    story.see(2, "anonymous_id:new")
    story.decide("link", "anonymous_id:old", "anonymous_id:new")
    assert story.whose() == ["user_id:ada", "user_id:ada"]


def test_a_cannot_link_outweighs_a_link_that_would_go_around_it() -> None:
    story = Story()
    story.see(1, "user_id:ada")
    story.see(2, "email:x@example.org")
    story.see(3, "loyalty_card:7")
    story.decide("unlink", "user_id:ada", "loyalty_card:7")
    story.decide("link", "user_id:ada", "email:x@example.org")
    story.decide("link", "email:x@example.org", "loyalty_card:7")
    assert story.profile("email:x@example.org") == "user_id:ada"
    assert story.profile("loyalty_card:7") == "loyalty_card:7"
    assert {reason for _, _, reason in story.withheld()} == {"cannot_link"}


def test_the_profile_is_called_after_the_oldest_exclusive_identifier() -> None:
    # Given an e-mail seen first, a user id later, and an even older anonymous id
    story = Story()
    for who in (
        ["anonymous_id:a"],
        ["email:x@example.org"],
        ["email:x@example.org", "user_id:ada"],
        ["anonymous_id:a", "user_id:ada"],
    ):
        story.see(1, *who)
    assert set(story.resolved().profiles.values()) == {profile_id(story.number("email:x@example.org"))}


def _without_limit(kind: str) -> dict[str, TypeRule]:
    return {**DEFAULT_RULES.types, kind: replace(DEFAULT_RULES.types[kind], limit=None)}
