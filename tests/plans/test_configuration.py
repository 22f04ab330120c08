"""Configuration as files: out of one platform, into an empty one, the same; a second time nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdp.configuration.folder import read_folder, write_folder
from cdp.configuration.state import Configuration, Done, InvalidConfiguration, SourceSetup, present, steps
from cdp.plans.document import PlanDocument
from cdp.platform import Platform
from cdp.postgres.databases import open_pools
from cdp.settings import Settings
from cdp.setup import InvalidSetup
from tests.postgres.cluster import Cluster

PLAN = PlanDocument.of(
    {
        "mode": "block",
        "events": {
            "Lab Result": {
                "business": {"fee": "amount"},
                "classes": {"diagnosis": "health"},
                "schema": {"required": ["fee"], "properties": {"diagnosis": {"enum": ["J45", None]}}},
            }
        },
    }
)


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """A platform with three sources and a plan."""
    with Platform.open(settings) as platform:
        sources = platform.sources
        sources.add("shop", channel="web", brand="Kahveci", namespaces={"loyalty_card": "club"}, actor="ayse")
        sources.add("page", channel="web", trust="public", actor="ayse")
        sources.add("clinic-1.2", channel="call_center", actor="ayse")
        sources.disable("page", actor="ayse")
        platform.plans.draft("clinic-1.2", PlanDocument.of({"events": {"Old": {}}}), actor="ayse")
        platform.plans.draft("clinic-1.2", PLAN, actor="ayse")
        platform.plans.activate("clinic-1.2", actor="ayse")
        platform.plans.draft("shop", PLAN, actor="ayse")
        yield platform


@pytest.fixture
def empty(cluster: Cluster, tmp_path: Path) -> Iterator[Platform]:
    """Another platform, with nothing set up."""
    with cluster.cloned() as urls:
        named = {"log_url": urls["log"], "vault_url": urls["vault"], "read_url": urls["read"]}
        settings = Settings(home=tmp_path / "other", allow_weak_durability=True, pool_size=2, **named)  # type: ignore[arg-type]
        with open_pools(settings, urls) as databases:
            yield Platform.over(settings, databases)


def bring_about(platform: Platform, wanted: Configuration) -> list[Done]:
    return [step.carry_out("mehmet") for step in steps(platform, wanted)]


def test_out_of_one_platform_into_an_empty_one_is_the_same(platform: Platform, empty: Platform, tmp_path: Path) -> None:
    folder = tmp_path / "config"
    write_folder(folder, present(platform))
    done = bring_about(empty, read_folder(folder))
    assert present(empty) == present(platform)

    keys = [each.write_key for each in done if each.write_key is not None]
    assert len(keys) == 3
    admitted = {found.source.name for key in keys if (found := empty.registry.credential(key)) is not None}
    assert admitted == {"shop", "clinic-1.2"}
    assert steps(empty, read_folder(folder)) == []
    assert steps(platform, read_folder(folder)) == []
    other = tmp_path / "again"
    write_folder(other, present(empty))
    files = [{file.relative_to(each): file.read_text() for file in each.rglob("*.toml")} for each in (folder, other)]
    assert files[0] == files[1]
    assert len(files[0]) == 6


def test_files_hold_no_key_and_only_the_plan_in_force(platform: Platform, tmp_path: Path) -> None:
    write_folder(tmp_path, present(platform))
    text = "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert "wk_" not in text
    for source in platform.registry.sources():
        assert not [key for key in source.keys if key.digest in text or key.credential_id in text]
    assert [file.name for file in (tmp_path / "plans").iterdir()] == ["clinic-1.2.toml"]
    assert (tmp_path / "sources" / "shop.toml").read_text() == (
        'brand = "Kahveci"\nchannel = "web"\ntrust = "server"\n\n[namespaces]\nloyalty_card = "club"\n'
    )


def test_what_is_left_out_stays(platform: Platform) -> None:
    before = present(platform)
    assert steps(platform, Configuration()) == []
    assert steps(platform, Configuration(plans={"clinic-1.2": PLAN})) == []
    assert present(platform) == before


def test_looking_changes_nothing_and_tells_everything(platform: Platform) -> None:
    plan = PlanDocument.of({"mode": "warn", "events": {"Lab Result": {"business": {"fee": "count"}}}})
    wanted = Configuration(
        {"new": SourceSetup("web"), "shop": SourceSetup.of(platform.sources.get("shop"))}, {"clinic-1.2": plan}
    )
    position = platform.reader.head().position
    found = steps(platform, wanted)
    assert [(step.action, step.name) for step in found] == [
        ("add source", "new"),
        ("draft and activate plan", "clinic-1.2"),
    ]
    told = {(change.path, change.before, change.after) for change in found[1].changes}
    assert {
        ("mode", "block", "warn"),
        ("business.fee", "amount", "count"),
        ("classes.diagnosis", "health", None),
    } <= told
    assert platform.reader.head().position == position


def test_another_mode_is_a_step_of_its_own_without_a_new_version(platform: Platform) -> None:
    wanted = PlanDocument("warn", PLAN.events)
    (step,) = steps(platform, Configuration(plans={"clinic-1.2": wanted}))
    assert step.action == "set mode of plan"
    assert step.carry_out("mehmet") == Done(version=2)
    plan = platform.plans.get("clinic-1.2")
    assert (plan.latest, plan.active, plan.mode) == (2, 2, "warn")


def test_the_version_that_says_so_already_is_used_again(platform: Platform) -> None:
    bring_about(platform, Configuration(plans={"shop": PLAN}))
    plan = platform.plans.get("shop")
    assert (plan.latest, plan.active, plan.mode) == (1, 1, "block")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Configuration(plans={"nobody": PLAN}), "no such source.*sources/nobody.toml"),
        (
            Configuration({"shop": SourceSetup("store", "Kahveci", namespaces={"loyalty_card": "club"})}),
            r"channel \(web → store\)",
        ),
        (Configuration({"shop": SourceSetup("web")}), r"brand \(Kahveci → nothing\), namespaces.loyalty_card"),
        (Configuration({"page": SourceSetup("web", trust="public")}), "cannot be enabled again"),
    ],
)
def test_what_cannot_be_brought_about_is_told_before_anything_is_changed(
    platform: Platform, wanted: Configuration, expected: str
) -> None:
    before = present(platform)
    with pytest.raises(InvalidConfiguration, match=expected):
        steps(platform, Configuration({"aaa": SourceSetup("web"), **wanted.sources}, wanted.plans))
    assert present(platform) == before


def test_a_source_that_could_not_be_added_is_told_before_anything_is_changed(platform: Platform) -> None:
    with pytest.raises(InvalidSetup, match="'fax'"):
        steps(platform, Configuration({"aaa": SourceSetup("web"), "new": SourceSetup("fax")}))
    assert platform.registry.source(platform.sources.get("shop").id) is not None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sources/x.toml", "channel =", r"x\.toml: .*nvalid"),
        ("sources/x.toml", 'channel = "web"\nkey = "k"', r"x\.toml: a source has key; expected only channel"),
        ("sources/x.toml", 'trust = "server"', "needs a channel"),
        ("sources/x.toml", 'channel = "web"\ndisabled = "yes"', "neither true nor false"),
        ("sources/x.toml", 'channel = "web"\nnamespaces = { a = 1 }', "are texts"),
        ("plans/x.toml", 'mode = "loud"', r"x\.toml: mode 'loud'"),
        ("plans/x.toml", "\udcff", "UTF-8|utf-8"),
        ("identity.toml", "size_cap = 1", r"identity\.toml: size_cap is 1; expected a whole number from 2"),
        ("survivorship.toml", '[default]\nkind = "best"', r"survivorship\.toml: default: kind 'best' is unknown"),
        ("readme.md", "x", "has none of sources/, plans/, identity.toml, survivorship.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, text: str, expected: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InvalidConfiguration, match=expected):
        read_folder(tmp_path)
