"""Profile ids lead back to the identifier after which a profile is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.identity.profile_id import InvalidProfileId, identifier_number, profile_id


@given(st.integers(0, 2**63 - 1))
def test_a_profile_id_gives_its_number_back(number: int) -> None:
    assert identifier_number(profile_id(number)) == number
    assert identifier_number(profile_id(number).upper()) == number


@pytest.mark.parametrize("text", ["", "p", "x0000000000001", "p000000000000u", "pzzzzzzzzzzzzz", "p00000000000001"])
def test_what_is_no_profile_id_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InvalidProfileId, match="Find a profile by an identifier"):
        identifier_number(text)
