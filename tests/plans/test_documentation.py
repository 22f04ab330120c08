"""The example in the documentation: its plan can be read, and judges as it says, also at the door."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from cdp.plans.toml_form import read_plan
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from tests.ingest.door import Door, track

FILE = Path(__file__).parent.parent.parent / "docs" / "plans.md"


@pytest.fixture
def plan_file() -> str:
    found = re.search(r"```toml\n(.*?)```", FILE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documentation_says_what_a_plan_does(plan_file: str) -> None:
    names = {"text_of_the_plan_above": plan_file}
    result = doctest.testfile(str(FILE), module_relative=False, globs=names)
    assert result.attempted
    assert not result.failed


def test_the_plan_of_the_documentation_puts_each_leaf_where_it_says(
    settings: Settings, databases: Databases, plan_file: str
) -> None:
    door = Door(Platform.over(settings, databases))
    door.source("clinic")
    door.platform.plans.draft("clinic", read_plan(plan_file), actor="ayse")
    door.platform.plans.activate("clinic", actor="ayse")
    result = {"fee": 120, "laboratory": "Bursa", "order_id": "L-1", "diagnosis": "J45", "doctor_note": "rest"}
    order = {"gift_wrap": "red", "coupon": "SPRING", "products": [{"sku": "a", "size": "M"}]}
    door.send(track("m-1", "Lab Result Received", properties=result), track("m-2", properties=order), source="clinic")
    lab, shop = door.touchpoints()
    assert (lab.header.name, lab.header.plan, lab.header.flags) == ("Lab Result Received", 1, ("time_missing",))
    assert lab.business["properties"] == {"fee": 120, "laboratory": "Bursa"}
    assert lab.business["references"].keys() == {"order_id"}
    assert lab.personal["health"] == {"properties": {"diagnosis": "J45", "doctor_note": "rest"}}
    assert shop.business["properties"] == {"gift_wrap": "red", "products": [{"sku": "a", "size": "M"}]}
    assert shop.personal["content"]["properties"] == {"coupon": "SPRING"}
